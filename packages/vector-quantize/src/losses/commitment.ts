import { numpy as np } from "@jax-js/jax";
import { maskedMean } from "../layout/mask.ts";
import { crossEntropy } from "./crossEntropy.ts";

/** What a commitment loss may look at. */
export interface CommitmentInputs {
  /** The vectors before quantization, `[N, C]`; the parts of heads count as vectors. */
  vectors: np.Array;
  /** Their codes, `[N, C]`; cut off from the gradient unless the codebook is learnable. */
  codes: np.Array;
  /** int32 `[N]`; -1 where masked. */
  indices: np.Array;
  /** Real vectors, bool `[N]`, if some are padding. */
  mask?: np.Array;
  /** Similarity of each vector to each code, `[N, K]`: computed when called. */
  similarities: () => np.Array;
}

/** A user's own commitment loss. Its name is saved with the model; loading asks for it again. */
export interface CommitmentFunction {
  readonly name: string;
  readonly loss: (inputs: CommitmentInputs) => np.Array;
}

export const commitments = ["squaredError", "crossEntropy"] as const;

/**
 * How far the encoder strays from its codes; keeps encoder and codebook together.
 *
 * - `squaredError`: `mean (x - sg(q))^2` over vectors and features. The gradient reaches the
 *   encoder alone: the codebook follows by its moving averages. Only a learnable codebook is
 *   trained by this loss too, as in the reference.
 * - `crossEntropy`: `mean -log softmax(similarities)[index]`, the reference's
 *   `commitment_use_cross_entropy_loss`.
 * - a function of the user's own, by name.
 */
export type Commitment = (typeof commitments)[number] | CommitmentFunction;

/**
 * Computes the commitment loss, unweighted: a scalar. With a mask, only real vectors count.
 *
 * Source: van den Oord et al., "Neural Discrete Representation Learning", 2017, equation 3 (third
 * term), https://arxiv.org/abs/1711.00937
 */
export function commitmentLoss(commitment: Commitment, inputs: CommitmentInputs): np.Array {
  if (commitment === "crossEntropy") {
    return crossEntropy(inputs.similarities(), inputs.indices);
  }
  if (commitment === "squaredError") {
    return maskedMean(np.square(inputs.vectors.sub(inputs.codes)), inputs.mask);
  }
  return commitment.loss(inputs);
}
