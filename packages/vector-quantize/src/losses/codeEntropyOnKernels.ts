import { numpy as np } from "@jax-js/jax";
import { lazy } from "../lazy.ts";
import { floats } from "../search/kernel.ts";
import { type FoundEntropies, groupsOf } from "./codeEntropy.ts";

const entropyModule = lazy(() => import("../kernels/entropy/binaryCodeEntropy.ts"));

/**
 * Means over the codebooks of the entropies of `codeEntropies`, by the kernels: in O(N 2^(d/2))
 * steps also with a floor, and without tables of all vectors.
 *
 * @param logits `[N, codebooks, d]`
 * @param weights how much each vector counts, `[N]`; all 1 if left out
 * @param floor the smallest probability in a logarithm
 */
export async function codeEntropiesOnKernels(
  logits: np.Array,
  weights: np.Array | undefined,
  floor: number,
): Promise<FoundEntropies> {
  const { binaryCodeEntropy } = await entropyModule();
  const [N, codebooks, d] = logits.shape as [number, number, number];
  const [values, counts] = await Promise.all([floats(logits), weights && floats(weights)]);
  const stride = codebooks * d;
  const shares = sharesOf(counts, N);
  const sum = {
    perSample: 0,
    batch: 0,
    byPerSample: new Float32Array(N * stride),
    byBatch: new Float32Array(N * stride),
  };
  for (let codebook = 0; codebook < codebooks; codebook++) {
    for (const [from, to] of groupsOf(d)) {
      const bits = [codebook * d + from, codebook * d + to] as const;
      const found = await binaryCodeEntropy(values, { stride, bits, shares, floor });
      sum.perSample += found.perSample / codebooks;
      sum.batch += found.batch / codebooks;
      add(sum.byPerSample, found.byPerSample, codebooks);
      add(sum.byBatch, found.byBatch, codebooks);
    }
  }
  return {
    perSample: np.array(sum.perSample),
    batch: np.array(sum.batch),
    byPerSample: np.array(sum.byPerSample, { shape: [N, stride] }),
    byBatch: np.array(sum.byBatch, { shape: [N, stride] }),
  };
}

/** Each vector's share of the mean; all 0 if none counts. */
function sharesOf(weights: Float32Array | undefined, N: number): Float32Array {
  if (!weights) return new Float32Array(N).fill(1 / N);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / Math.max(total, 1e-30));
}

function add(sum: Float32Array, part: Float32Array, codebooks: number): void {
  for (let at = 0; at < sum.length; at++) sum[at]! += (part[at] as number) / codebooks;
}
