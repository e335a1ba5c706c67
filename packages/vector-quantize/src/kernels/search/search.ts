import type { Pool } from "../engine/pool.ts";
import type { InvalidOption, LimitOption } from "../invalid.ts";
import type { KernelMetric } from "./packedCodebook.ts";

/** Options of `createSearch`. */
export interface SearchOptions extends InvalidOption, LimitOption {
  /** Features of a vector, D. */
  readonly dim: number;
  /**
   * What the nearest code is: the one at the least Euclidean distance, of the largest cosine, or of
   * the largest inner product. Default "euclidean".
   */
  readonly metric?: KernelMetric;
  /**
   * Uses only instructions that round alike on every CPU. The indices are the same either way,
   * because near-ties are decided in float64; this makes every intermediate number the same too.
   * Slower by a quarter where D is small, by a few percent elsewhere. Default false.
   */
  readonly reproducible?: boolean;
  /** Where it runs. Default: a pool that all searches share. */
  readonly pool?: Pool;
}

/** The answer of a search of N vectors for k codes each. */
export interface Nearest {
  /** `[N, k]`; -1 for an invalid vector. */
  readonly indices: Int32Array<ArrayBuffer>;
  /**
   * `[N, k]`: the squared Euclidean distance, computed as `sum (x - c)^2`; 1 - cosine; or less the
   * inner product. NaN for an invalid vector.
   */
  readonly distances: Float32Array<ArrayBuffer>;
  /** How many vectors hold NaN, an infinity or a number of the size `limit` or more. */
  readonly invalidRows: number;
}

/** A codebook that vectors can be searched in. */
export interface Search {
  /** Features of a vector, D. */
  readonly dim: number;
  /** Number of codes, K. */
  readonly size: number;
  readonly metric: KernelMetric;
  /**
   * The nearest code of each vector; of codes equally near the one of lowest index.
   *
   * Exact: the index is the one that float64 arithmetic gives, on every machine, for any number of
   * threads and however the vectors are split over calls.
   *
   * @param vectors `[N, D]`, any N; read during the call
   */
  nearest(vectors: Float32Array): Promise<Nearest>;
  /**
   * The k nearest codes of each vector, the nearest first, the lower index first on ties.
   *
   * @param vectors `[N, D]`
   * @param k 1 to 4,096, at most K
   */
  nearestTopK(vectors: Float32Array, k: number): Promise<Nearest>;
  /**
   * Checks an answer by other means: plain loops in float64, which share nothing with the kernels. Slow:
   * N x K x D products on one thread, in turns of some milliseconds.
   *
   * @param vectors `[N, D]`
   * @param indices `[N]`, as `nearest` gave them
   * @returns by how much each vector's code is nearer than every other one, `[N]`, in squared distances,
   *   cosines or inner products: at least 0 where the index is right, 0 where another code is equally
   *   near, NaN for index -1
   * @throws for another length, and an index that no code has
   */
  verify(vectors: Float32Array, indices: Int32Array): Promise<Float64Array<ArrayBuffer>>;
  /**
   * Takes other codes, `[K, D]`, in the memory of the present ones. They are copied; the same codes
   * again cost a comparison. If a value is not finite it throws and keeps the present codes.
   */
  setCodebook(codebook: Float32Array): Promise<void>;
  /** Gives the memory back. The search can't be used any more. */
  dispose(): void;
}
