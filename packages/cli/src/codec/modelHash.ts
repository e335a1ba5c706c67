import { createHash } from "node:crypto";
import type { numpy as np } from "@jax-js/jax";
import type { ArrayTree } from "vector-quantize";
import { flattenTree } from "vector-quantize/safetensors";
import type { Codec } from "./modelFile.ts";

/** Digits of a hash that tell models apart. */
const digits = 32;

/**
 * `sha256:` and the first half of the hash of a model's arrays: their names, shapes and bytes, in the order
 * of the names. The same for every file that holds these weights, whatever else it says.
 */
export async function modelHash({ variables }: Codec): Promise<string> {
  const hash = createHash("sha256");
  const arrays = Object.entries(flattenTree(variables as ArrayTree)) as [string, np.Array][];
  for (const [name, array] of arrays.sort(([a], [b]) => (a < b ? -1 : 1))) {
    const data = await array.ref.data();
    hash.update(`${name}\n${array.shape.join(",")}\n`);
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return `sha256:${hash.digest("hex").slice(0, digits)}`;
}
