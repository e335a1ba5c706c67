import type { Scope } from "../engine/memory.ts";
import type { Kernel, Pool } from "../engine/pool.ts";
import type { CodeLayout } from "./codeLayout.ts";

/**
 * What is near: the least Euclidean distance, the largest inner product, the largest cosine. Vectors of zeros, and those
 * shorter than 3e-39, whose length float32 can't divide by, have the cosine 0 with all.
 */
export type CodeMetric = "euclidean" | "dot" | "cosine";

/** The numbers of metrics in the kernels. */
export const metricNumbers = { euclidean: 0, dot: 1, cosine: 2 } as const;

/** Makes codes of some bytes out of vectors, which `createCodeSearch` searches in. */
export interface CodeQuantizer {
  readonly type: "rabitq" | "product";
  /** Features of a vector, D. */
  readonly dim: number;
  /** Bytes of a code. */
  readonly bytes: number;
  readonly metric: CodeMetric;
  /**
   * Codes of vectors.
   *
   * @param vectors `[N, D]`, any N; read during the call
   * @returns `[N, bytes]`
   * @throws for another length, and numbers that are not finite or of a size of 2^50 or more
   */
  encode(vectors: Float32Array): Promise<Uint8Array<ArrayBuffer>>;
}

/** What a search asks of a quantizer beside. */
export interface ScanCoder extends CodeQuantizer {
  readonly layout: CodeLayout;
  /** What saves it: numbers and names, and arrays by name. */
  readonly saved: SavedCoder;
  /** Codes of vectors `[N, D]` that lie in cells, numbered by `[N]`, with these centers `[C, D]`. */
  encodeIn(
    vectors: Float32Array,
    cells: Int32Array,
    centroids: Float32Array,
  ): Promise<Uint8Array<ArrayBuffer>>;
  /** Throws unless the numbers in a code are such as `encode` gives. */
  checkCode(where: string, code: Uint8Array): void;
  /** Writes what the kernels read of it; returns where it lies. */
  place(pool: Pool, scope: Scope): number;
  /** The kernel that makes tables of queries, and the bytes of scratch memory that it takes. */
  preparer(pool: Pool): Promise<{ readonly kernel: Kernel; readonly scratch: number }>;
  /** The tables of a query in TypeScript alone. */
  tables(query: Float32Array): QueryTables;
  /** What is added to the estimates for a query, where codes have no cells. */
  base(query: Float32Array): number;
}

/** A quantizer in an index file. */
export interface SavedCoder {
  readonly settings: Readonly<Record<string, number | string>>;
  readonly arrays: Readonly<Record<string, Float32Array>>;
}

/** What each part of a code adds for a query; `assembly/scan/prepare.ts`. */
export interface QueryTables {
  /** `[parts, codebook size]`. */
  readonly floats: Float32Array;
  readonly small: Uint8Array | Uint16Array;
  /** Start and step of the small ones, and the sum of the query's numbers. */
  readonly constants: Float32Array;
}
