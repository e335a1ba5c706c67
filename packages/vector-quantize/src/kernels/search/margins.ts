import { expected } from "../../errors.ts";
import { checkInts } from "../arguments.ts";
import { countRows } from "../invalid.ts";
import { inverseLength, lessProduct, squaredDistance } from "./nearest.reference.ts";
import type { KernelMetric } from "./packedCodebook.ts";

/** Products after which others get their turn. */
const SLICE = 5e6;

/**
 * By how much the code of each vector is nearer than every other one, in float64 and by plain loops, so
 * that it shares nothing with the kernels: `min_(j != i) f(x, c_j) - f(x, c_i)`, where f is the squared
 * distance, less the cosine, or less the inner product.
 *
 * @param indices `[N]`; -1 for a vector without a code
 * @returns `[N]`: at least 0 where the index is right, 0 where another code is equally near, NaN where
 *   there is none, infinity where there is no other code
 */
export async function marginsOf(
  vectors: Float32Array,
  indices: Int32Array,
  codebook: Float32Array,
  { dim, metric }: { readonly dim: number; readonly metric: KernelMetric },
): Promise<Float64Array<ArrayBuffer>> {
  const n = countRows("verify", vectors, dim);
  const size = codebook.length / dim;
  checkInts("verify: indices", indices);
  if (indices.length !== n) throw expected("verify: indices length", `${n}`, indices.length);
  const wrong = indices.find((index) => index < -1 || index >= size);
  if (wrong !== undefined) throw expected("verify: indices", `-1 to ${size - 1}`, wrong);

  const codes = Array.from({ length: size }, (_, i) => codebook.subarray(i * dim, (i + 1) * dim));
  const scales = codes.map((code) => (metric === "cosine" ? inverseLength(code) : 1));
  const margins = new Float64Array(n).fill(Number.NaN);
  for (let row = 0, done = 0; row < n; row++, done += size * dim) {
    if (done > SLICE) {
      await new Promise((resolve) => setTimeout(resolve));
      done = 0;
    }
    const own = indices[row]!;
    if (own === -1) continue;
    const x = vectors.subarray(row * dim, (row + 1) * dim);
    const length = metric === "cosine" ? inverseLength(x) : 1;
    const value = (index: number) =>
      metric === "euclidean"
        ? squaredDistance(x, codes[index]!)
        : lessProduct(x, codes[index]!) * scales[index]! * length;
    let nearestOther = Number.POSITIVE_INFINITY;
    for (let index = 0; index < size; index++) {
      if (index !== own) nearestOther = Math.min(nearestOther, value(index));
    }
    margins[row] = nearestOther - value(own);
  }
  return margins;
}
