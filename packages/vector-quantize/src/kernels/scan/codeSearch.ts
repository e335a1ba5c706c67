import type { Pool } from "../engine/pool.ts";
import type { CodeNeighbours } from "./codeEngine.ts";
import type { CodeQuantizer } from "./codeQuantizer.ts";

/** Options of `createCodeSearch`. */
export interface CodeSearchOptions {
  /**
   * Numbers by which answers name the vectors, `[N]`, 0 to 2^31 - 2; several vectors may have the same one. Default:
   * 0, 1, 2, ...
   */
  readonly ids?: Int32Array;
  /**
   * Whether the vectors themselves are kept, so that the best by their codes are put in order by their true
   * distances; 4 D bytes each. Default false.
   */
  readonly keepVectors?: boolean;
  /**
   * Centers of inverted lists, `[C, D]`, such as those of `kmeans`: a search looks into the lists alone whose
   * centers are nearest. RaBitQ codes are then of what vectors differ from their list's center by. Default: none.
   */
  readonly cells?: Float32Array;
  /** Where it runs. Default: a pool that all searches share. */
  readonly pool?: Pool;
}

/** Which of the ids may be found: a function of an id, or a bit for each: that of id `i` is bit `i % 8` of byte `i >> 3`. */
export type IdFilter = ((id: number) => boolean) | Uint8Array;

/** Options of `CodeSearch.nearest`. */
export interface CodeSearchQuery {
  /** How many are asked for, 1 to 1,000. Default 10. */
  readonly k?: number;
  /**
   * How many of the best by the first, rough estimate are looked at again, `k` to 16,384; `k`: none, unless vectors are kept or
   * codes have several bits. Default: 2 k and at least 100 where vectors are kept; 4 k and at least 100 for codes of
   * several bits; else k, an eighth and 32 more, of a k from 256 on none: the codes' own error is by far the larger.
   */
  readonly candidates?: number;
  /** Which may be found. Default: all. */
  readonly filter?: IdFilter;
  /** How many lists are searched, of those of `cells`. Default: a sixteenth of them, and at least 8. */
  readonly probes?: number;
}

/** Codes that can be searched in. */
export interface CodeSearch {
  readonly quantizer: CodeQuantizer;
  /** Vectors that it has. */
  readonly size: number;
  /** Whether the vectors themselves are kept. */
  readonly keepsVectors: boolean;
  /** Inverted lists, C; 0: none. */
  readonly cells: number;
  /**
   * The k nearest of each query.
   *
   * The answer is the same for any number of threads and however the queries are split over calls. One query is
   * shared out among the threads if there are many codes; several are scanned together, which is faster.
   *
   * @param queries `[Q, D]`, any Q; read during the call
   * @throws for another length, numbers that are not finite or of a size of 2^50 or more, options out of their bounds
   */
  nearest(queries: Float32Array, options?: CodeSearchQuery): Promise<CodeNeighbours>;
  /**
   * Adds vectors; or codes, where neither vectors are kept nor cells there are.
   *
   * @param ids `[N]`. Default: numbers from one above the largest so far on
   */
  add(items: Float32Array | Uint8Array, ids?: Int32Array): Promise<void>;
  /**
   * Takes away all that have these ids, after what was added before; returns how many there were. Many at once cost
   * little more than one.
   */
  remove(ids: Iterable<number>): Promise<number>;
  /** Gives the memory back. The search can't be used any more. */
  dispose(): void;
}
