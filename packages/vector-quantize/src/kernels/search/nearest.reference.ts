import type { KernelMetric } from "./packedCodebook.ts";

/**
 * Reference of `nearest` and `nearestTopK`: the k nearest codes of each vector in float64, the
 * lower index first on ties; index -1 and distance NaN for a vector that is not finite.
 */
export function nearestReference(
  vectors: Float32Array,
  codebook: Float32Array,
  dim: number,
  metric: KernelMetric = "euclidean",
  k = 1,
): { indices: Int32Array<ArrayBuffer>; distances: Float32Array<ArrayBuffer> } {
  const n = vectors.length / dim;
  const size = codebook.length / dim;
  const indices = new Int32Array(n * k).fill(-1); // [N, k]
  const distances = new Float32Array(n * k).fill(Number.NaN); // [N, k]
  const codes = Array.from({ length: size }, (_, i) => codebook.subarray(i * dim, (i + 1) * dim));
  const scales = codes.map((code) => (metric === "cosine" ? inverseLength(code) : 1));
  for (let row = 0; row < n; row++) {
    const x = vectors.subarray(row * dim, (row + 1) * dim);
    if (!x.every(Number.isFinite)) continue;
    const found: { value: number; index: number }[] = [];
    for (let index = 0; index < size; index++) {
      const code = codes[index]!;
      const value =
        metric === "euclidean" ? squaredDistance(x, code) : lessProduct(x, code) * scales[index]!;
      let at = found.length;
      while (at > 0 && value < found[at - 1]!.value) at--;
      if (at >= k) continue;
      found.splice(at, 0, { value, index });
      if (found.length > k) found.pop();
    }
    const length = metric === "cosine" ? inverseLength(x) : 1;
    for (let i = 0; i < k; i++) {
      const { value, index } = found[i]!;
      indices[row * k + i] = index;
      distances[row * k + i] = metric === "cosine" ? 1 + value * length : value;
    }
  }
  return { indices, distances };
}

export function squaredDistance(x: Float32Array, c: Float32Array): number {
  let sum = 0;
  for (let d = 0; d < x.length; d++) {
    const difference = x[d]! - c[d]!;
    sum += difference * difference; // not ** 2, which some engines round otherwise
  }
  return sum;
}

export function lessProduct(x: Float32Array, c: Float32Array): number {
  let sum = 0;
  for (let d = 0; d < x.length; d++) sum -= x[d]! * c[d]!;
  return sum;
}

export function inverseLength(x: Float32Array): number {
  const squares = -lessProduct(x, x);
  return squares > 0 ? 1 / Math.sqrt(squares) : 0;
}
