import type { numpy as np } from "@jax-js/jax";
import type { ApplyOptions, MaskOptions, Quantizer, UpdateOptions } from "../contract.ts";
import type { SearchedCodebook } from "../kernelPass.ts";
import type { CodebookTransform } from "./apply.ts";
import type {
  VectorQuantizeParams,
  VectorQuantizeState,
  VectorQuantizeVariables,
} from "./books.ts";

/** Options of a call to `apply` that `vectorQuantize` has beside those of every quantizer. */
export interface VectorQuantizeApplyOptions extends ApplyOptions, MoveOptions {
  /**
   * Gives the `topk` nearest codes of each vector: `indices` and the output get an axis for them
   * after the positions, `loss` is that of each candidate, and the codebook does not move.
   */
  topk?: number;
  /** Codes of each vector's own: from `[K, C]` to `[N, K, C]`. */
  codebookTransform?: CodebookTransform;
}

/** How a call moves the codebook. */
export interface MoveOptions {
  /** Factors on the rates of the moving averages, `[K]`, or `[H, K]` with a codebook per head. */
  emaUpdateWeight?: np.Array;
  /** Whether this batch's statistics only wait for the next call: gradient accumulation. */
  accumEmaUpdate?: boolean;
  /** Whether the codes follow the averages in this call, in place of the one in the options. */
  emaUpdate?: boolean;
}

/** A `vectorQuantize` quantizer: the contract, and what only a codebook can do. */
export interface VectorQuantizer extends Quantizer<VectorQuantizeParams, VectorQuantizeState> {
  apply(
    variables: VectorQuantizeVariables,
    x: np.Array,
    options?: VectorQuantizeApplyOptions,
  ): ReturnType<Quantizer<VectorQuantizeParams, VectorQuantizeState>["apply"]>;
  update(
    variables: VectorQuantizeVariables,
    x: np.Array,
    indices: np.Array,
    options?: UpdateOptions & MoveOptions,
  ): Promise<VectorQuantizeState>;
  /** Present where a training step comes to a search in one codebook. */
  readonly searched?: SearchedCodebook;
  /** What draws at random first in such a call, and so needs a key; undefined if nothing does. */
  drawing(call: {
    training: boolean;
    moves: boolean;
    temperature?: number | undefined;
  }): string | undefined;
  /** The codes, `[K, C]`, or `[H, K, C]` with a codebook per head. */
  codebook(variables: VectorQuantizeVariables): np.Array;
  /** Other codes in place of the present ones; the averages start afresh from them. */
  withCodebook(variables: VectorQuantizeVariables, codes: np.Array): VectorQuantizeVariables;
  /** The codes at the moving averages: the step that `manualEmaUpdate` waits for. */
  followAverages(variables: VectorQuantizeVariables): VectorQuantizeState;
  /** Dead codes replaced by vectors of `x`, apart from a training step. Traceable. */
  expire(
    variables: VectorQuantizeVariables,
    x: np.Array,
    options: MaskOptions & { key: np.Array },
  ): VectorQuantizeState;
  /** The step that `manualInPlaceOptimizerUpdate` waits for. */
  stepCodebookOptimizer(variables: VectorQuantizeVariables): VectorQuantizeState;
}
