import type { numpy as np } from "@jax-js/jax";
import type { TorchArrays } from "../../options/torchArrays.ts";
import type { ArrayTree } from "../../tree.ts";

/**
 * A user's function of the codebook, applied before the codes are compared. Its name is saved with
 * the model; loading asks for it again.
 *
 * The reference's `vq_bridge`. Source: "Scalable Training for Vector-Quantized Networks with 100%
 * Codebook Utilization" (FVQ), 2025, https://arxiv.org/abs/2509.10140
 */
export interface CodebookBridge extends TorchArrays {
  readonly name: string;
  /** Its parameters, for codes of `codebookDim` features. */
  init(key: np.Array, codebookDim: number): ArrayTree;
  /** The codes that are compared, `[K, C]`, from those that are stored, `[K, C]`. */
  apply(params: ArrayTree, codebook: np.Array): np.Array;
}
