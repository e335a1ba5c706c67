import type { Pool } from "../engine/pool.ts";
import type { InvalidOption, LimitOption } from "../invalid.ts";

/** Options of `createResidualSearch`. */
export interface ResidualSearchOptions extends InvalidOption, LimitOption {
  /** Features of a vector, D. */
  readonly dim: number;
  /** Sequences of codes that are kept after each layer, at most 16. Default 1: the nearest code. */
  readonly beam?: number;
  /**
   * What ranks a sequence: `"last"` its squared error after the layer, `"sum"` the sum of the errors
   * after all layers so far, as the PyTorch reference. Default `"last"`.
   */
  readonly rank?: "last" | "sum";
  /** Weight of each layer's squared error with `rank: "sum"` `[Q]`. Default all 1. */
  readonly weights?: readonly number[];
  /**
   * Uses only instructions that round alike on every CPU. The indices are the same either way; this
   * makes every intermediate number the same too. Default false.
   */
  readonly reproducible?: boolean;
  /** Where it runs. Default: a pool that all searches share. */
  readonly pool?: Pool;
}

/** What a residual search finds. */
export interface ResidualIndices {
  /** `[N, Q]`; -1 in all layers of an invalid vector. */
  readonly indices: Int32Array<ArrayBuffer>;
  /** How many vectors hold NaN, an infinity or a number of the size `limit` or more. */
  readonly invalidRows: number;
}

/** Codebooks of all layers in the pool's memory, ready to search. */
export interface ResidualSearch {
  readonly layers: number;
  /**
   * Indices of all layers for each vector.
   *
   * @param vectors `[N, D]`, any N; read during the call
   */
  nearest(vectors: Float32Array): Promise<ResidualIndices>;
  /** Takes other codebooks of the same sizes. */
  set(codebooks: readonly Float32Array[]): Promise<void>;
  /** Gives the memory back. */
  dispose(): void;
}

/** Checked options of a residual search. */
export interface ResidualSettings {
  readonly dim: number;
  readonly beam: number;
  /** 1 for rank "sum", 0 for "last". */
  readonly carry: 0 | 1;
  readonly weights: readonly number[];
  readonly throws: boolean;
  /** From which size on numbers make a vector invalid. */
  readonly limit: number;
}
