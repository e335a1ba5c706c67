import type { numpy as np } from "@jax-js/jax";
import type { MixedRadix } from "../../codebook/mixedRadix.ts";
import { expected } from "../../errors.ts";
import type { Layout } from "../../layout/layout.ts";
import type { LinearMap } from "../../layout/linear.ts";
import { count, flag } from "../../options/kinds.ts";
import type { ArrayTree } from "../../tree.ts";
import type { QuantizerConfig, Variables } from "../contract.ts";

/** Parameters of every lookup-free quantizer: linear maps, where it has them. */
export type LookupFreeParams = {
  projectIn?: LinearMap; // [dim, codebooks * d]
  projectOut?: LinearMap; // [codebooks * d, dim]
};

/** State of every lookup-free quantizer: fixed arrays, or none. */
export type LookupFreeState = { readonly [name: string]: ArrayTree };

/** What a family computes its losses and its differentiable codes from. */
export interface TrainingInputs<P, S> {
  variables: { params: P; state: S };
  /** Vectors split by codebook, differentiable: `[N, codebooks, d]`. */
  latents: np.Array;
  /** Their levels: int32 `[N, codebooks, d]`. */
  levels: np.Array;
  /** bool `[N]`: which vectors count. Padding is zeros before any projection, bad numbers after it. */
  mask: np.Array;
  key?: np.Array;
  temperature?: np.Array;
  /** What `prepare` found, if it was called. */
  prepared?: ArrayTree;
}

/** What the kernels find before `train`, in two steps. */
export interface Preparation<P, S> {
  /** Traced: what they need. */
  inputs(inputs: Omit<TrainingInputs<P, S>, "levels" | "prepared">): ArrayTree;
  /** What they make of it. */
  find(inputs: ArrayTree): Promise<ArrayTree>;
}

/** What a call may draw with. */
export interface Draw {
  key?: np.Array;
  temperature?: np.Array;
}

/**
 * What one family of lookup-free quantizers brings. Its functions are traced, work on vectors that
 * are split by codebook, and take ownership of what they are given.
 */
export interface LookupFreeFamily<P extends LookupFreeParams, S extends LookupFreeState> {
  /** The factory's name. */
  readonly name: string;
  readonly config: QuantizerConfig;
  readonly dim: number;
  readonly layout: Layout;
  /** Codebooks per vector. */
  readonly codebooks: number;
  /** Whether indices have an axis for the codebooks. */
  readonly keepCodebooks: boolean;
  /** Levels of a vector's dimensions and how they make an index. */
  readonly radix: MixedRadix;
  /** Features of a code vector, if not one a level. */
  readonly codeWidth?: number;
  /** Names of the losses. */
  readonly losses: readonly string[];
  /** What draws at random in training, if anything does: an option's name, say. */
  readonly draws?: string;
  /**
   * The thresholds by which `levels` rounds each latent by itself, as in `LevelTable`, for the kernels
   * to encode. Worth it where a level takes more than a few operations; else reading the latents takes
   * longer than the graph.
   */
  readonly thresholds?: () => Float32Array;
  /** Whether latents are the vectors as they are, parted by codebook. */
  readonly latentsAreVectors?: boolean;
  /** Whether evaluation draws too, where it is given a key. */
  readonly drawsInEvaluation?: boolean;
  /** The temperature of a call that gives none, if the family has one. */
  readonly temperature?: number;
  /** Whether a temperature of 0 has a meaning: the likelier value of every bit, without a draw. */
  readonly takesZeroTemperature?: boolean;

  init(key: np.Array): Variables<P, S>;
  /** Vectors `[N, dim]` as they are rounded: `[N, codebooks, d]`. */
  latents(variables: { params: P; state: S }, vectors: np.Array): np.Array;
  /**
   * Levels of latents: int32 `[N, codebooks, d]`; anything where a latent is not finite.
   *
   * @param draw randomness of the call, if it has any
   */
  levels(variables: { params: P; state: S }, latents: np.Array, draw: Draw): np.Array;
  /** Code vectors of levels: `[N, codebooks, d]`. */
  codes(variables: { params: P; state: S }, levels: np.Array): np.Array;
  /** Latents as what is rounded to the nearest code vector: `[N, codebooks, d]`; where that is so. */
  values?(variables: { params: P; state: S }, latents: np.Array): np.Array;
  /** Levels of code vectors, the inverse of `codes`. */
  levelsOfCodes(variables: { params: P; state: S }, codes: np.Array): np.Array;
  /** What the kernels can find before `train`, if anything. */
  readonly prepare?: Preparation<P, S>;
  /** Differentiable codes in training, and the losses. */
  train(inputs: TrainingInputs<P, S>): {
    codes: np.Array;
    loss: np.Array;
    losses: Record<string, np.Array>;
  };
}

/** Options on the number of codebooks of a vector, all of one kind. */
export class CodebooksOptions {
  /** Codebooks per vector, all alike. Default 1. */
  numCodebooks?: number = count(1);
  /** Whether indices have an axis for the codebooks. Default: with several. */
  keepNumCodebooksDim?: boolean = flag(
    ({ numCodebooks }: Required<CodebooksOptions>) => numCodebooks > 1,
  );
}

/** Throws if indices of several codebooks have no axis for them. */
export function checkCodebooks(
  { numCodebooks, keepNumCodebooksDim: keep }: Required<CodebooksOptions>,
  where: string,
): undefined {
  if (keep || numCodebooks === 1) return;
  throw expected(`${where}: keepNumCodebooksDim`, "true with several codebooks", keep);
}
