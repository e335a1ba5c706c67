/** `vector-quantize/safetensors`: arrays in safetensors files. */
import "../pageThreads.ts";

export { readSafetensors, saveSafetensors, writeSafetensors } from "../checkpoint/safetensors.ts";
export { flattenTree } from "../checkpoint/treeNames.ts";
