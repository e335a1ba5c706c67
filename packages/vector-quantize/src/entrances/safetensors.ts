/**
 * Arrays in safetensors files.
 *
 * @module vector-quantize/safetensors
 */
import "../pageThreads.ts";

export { readSafetensors, saveSafetensors, writeSafetensors } from "../checkpoint/safetensors.ts";
export { flattenTree } from "../checkpoint/treeNames.ts";
