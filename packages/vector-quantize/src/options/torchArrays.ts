import type { numpy as np } from "@jax-js/jax";
import type { ArrayTree } from "../tree.ts";

/**
 * How the arrays of an object of the user's own go to a PyTorch module and back. Without these
 * functions an array goes by its place, as it is: `{ layers: [{ weight }] }` is `layers.0.weight`.
 */
export interface TorchArrays {
  /** The arrays, from the module's `state_dict`. Takes ownership. Both functions, or none. */
  fromTorch?(tensors: Record<string, np.Array>): ArrayTree;
  /** The module's `state_dict`, from the arrays. Takes ownership. Traceable. */
  toTorch?(params: ArrayTree): Record<string, np.Array>;
}
