import { lax, numpy as np } from "@jax-js/jax";
import { topIndices } from "../../search/candidates.ts";

/** The best codes of one layer for each row, by that layer: `[R, k]` and `[R, k, C]`. */
export type Candidates = (
  layer: number,
  residual: np.Array, // [R, C]
  k: number,
  quantized: np.Array, // [R, C], the sum of the layers before
) => { indices: np.Array; quantized: np.Array };

/**
 * Indices of the paths with the least weighted squared error, found with a beam.
 *
 * Each layer keeps the `beam` best of all continuations of the kept paths. The score of a path is
 * `sum_q w_q mean((r_q - c_q)^2)` over its layers, as the reference scores in training.
 *
 * @param x vectors `[N, C]`
 * @param sizes codebook size of each layer
 * @param weights of the layers in the score
 * @param depth scalar: of how many layers the paths are wanted; the columns behind it mean nothing
 * @returns int32 `[N, Q]`
 */
export function beamSearch(
  candidates: Candidates,
  x: np.Array,
  sizes: readonly number[],
  beam: number,
  weights: readonly number[],
  depth?: np.Array,
): np.Array {
  const [N, C] = x.shape as [number, number];
  let kept = 1;
  let residual = lax.stopGradient(x); // [N kept, C]
  let quantized = np.zerosLike(residual.ref);
  let scores = np.zeros([N, 1]); // [N, kept]
  let paths: np.Array[] = []; // int32 [N, kept], one per layer
  let wanted: np.Array | undefined; // int32 [N, Q], the best path at the wanted depth
  sizes.forEach((size, layer) => {
    const k = Math.min(beam, size);
    const last = layer === sizes.length - 1;
    const found = candidates(layer, residual.ref, k, quantized.ref);
    const codes = found.quantized; // [N kept, k, C]
    const wide = (rows: np.Array) => np.expandDims(rows, 1); // [N kept, 1, C]
    const left = wide(residual).sub(codes.ref); // [N kept, k, C]
    const error = np.mean(np.square(left.ref), -1).reshape([N, kept, k]);
    const total = np
      .expandDims(scores, 2)
      .sub(error.mul(weights[layer] as number))
      .reshape([N, kept * k]);
    const next = last ? 1 : Math.min(beam, kept * k);
    const best = topIndices(total.ref, next); // [N, next]
    const pick = (values: np.Array) => np.takeAlongAxis(values, best.ref, 1); // [N, next]
    const spread = (values: np.Array) => np.repeat(values, k, 1); // [N, kept] to [N, kept k]
    const pickRows = (rows: np.Array) =>
      np
        .takeAlongAxis(rows.reshape([N, kept * k, C]), np.expandDims(best.ref, 2), 1)
        .reshape([N * next, C]);
    paths = [
      ...paths.map((path) => pick(spread(path))),
      pick(found.indices.reshape([N, kept * k])),
    ];
    scores = pick(total);
    residual = pickRows(left);
    quantized = pickRows(wide(quantized).add(codes));
    kept = next;
    if (depth) {
      const best = np.concatenate(
        paths.map((path) => path.ref.slice([], [0, 1])),
        1,
      );
      const padded = np.pad(best, [
        [0, 0],
        [0, sizes.length - layer - 1],
      ]); // [N, Q]
      wanted = wanted ? np.where(depth.ref.greater(layer), padded, wanted) : padded;
    }
  });
  return wanted ?? np.concatenate(paths, 1); // [N, Q]
}
