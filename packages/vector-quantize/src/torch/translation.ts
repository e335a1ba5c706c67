import type { numpy as np } from "@jax-js/jax";
import type { Quantizer, Variables } from "../quantizers/contract.ts";

/** How a class of the reference and a quantizer of ours become one another. */
export interface Translation {
  /** The reference's name of the class. */
  readonly className: string;
  /** The `type` in the configuration of ours. */
  readonly type: string;
  /** Ours; keeps no reference to `tensors`, which the caller owns. */
  fromTorch(
    kwargs: Record<string, unknown>,
    tensors: Record<string, np.Array>,
  ): { quantizer: Quantizer; variables: Variables };
  /** Theirs, from the options in our configuration; keeps no reference to `variables`. */
  toTorch(
    options: Record<string, unknown>,
    variables: Variables,
  ): { kwargs: Record<string, unknown>; tensors: Record<string, np.Array> };
}
