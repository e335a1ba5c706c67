import { numpy as np } from "@jax-js/jax";
import { present } from "../tracing.ts";
import type { ArrayTree } from "../tree.ts";
import { codeStatistics } from "./averages.ts";
import { lookUp } from "./codebook.ts";

/**
 * An optimizer that moves a learnable codebook inside the forward pass, before the codes are used.
 * Its name is saved with the model; loading asks for it again.
 */
export interface CodebookOptimizer {
  readonly name: string;
  /** As optax has it: see `adamw` and `sgd`. */
  readonly optimizer: {
    init(params: ArrayTree): ArrayTree;
    update<P extends ArrayTree>(updates: P, state: ArrayTree, params: P): [P, ArrayTree];
  };
}

/**
 * `mean (c_index - x)^2` over vectors and features, summed over the books, and its gradient by the
 * codes: `2 (n_k c_k - s_k) / (M C)` with the counts `n` and sums `s` of the vectors of each code.
 *
 * @param books per book: the codes `[K, C]` as compared, the vectors `[M, C]`, and int32 indices
 *   `[M]`, -1 where a vector does not count
 */
export function codeError(
  books: readonly { codes: np.Array; vectors: np.Array; indices: np.Array }[],
): { loss: np.Array; gradients: np.Array[] } {
  const [first] = books as [(typeof books)[number]];
  const [K, C] = first.codes.shape as [number, number];
  const parts = books.map(({ codes, vectors, indices }) => {
    const { counts, sums } = codeStatistics(vectors.ref, indices.ref, K);
    const counted = present(indices.ref).reshape([-1, 1]);
    const gaps = np.where(counted, lookUp(codes.ref, indices).sub(vectors), 0);
    return {
      error: np.sum(np.square(gaps)),
      count: np.sum(counts.ref),
      gradient: codes
        .mul(counts.reshape([-1, 1]))
        .sub(sums)
        .mul(2),
    };
  });
  const add = (a: np.Array, b: np.Array) => a.add(b);
  const elements = np.maximum(parts.map((part) => part.count).reduce(add), 1).mul(C);
  return {
    loss: parts
      .map((part) => part.error)
      .reduce(add)
      .div(elements.ref),
    gradients: parts.map((part) => part.gradient.div(elements.ref)),
  };
}
