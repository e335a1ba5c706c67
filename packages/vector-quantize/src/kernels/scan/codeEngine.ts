/** Where codes are held and scanned: in a pool's memory, or, without kernels, in TypeScript alone. */
export interface CodeEngine {
  /** Codes that it holds. */
  readonly size: number;
  /** Takes codes after those of the same cell that are there. */
  append(rows: CodeRows): Promise<void>;
  /** Takes away all codes of these ids; returns how many there were. */
  remove(ids: ReadonlySet<number>): Promise<number>;
  /** The nearest of all queries. */
  scan(batch: ScanBatch): Promise<CodeNeighbours>;
  /** All that it holds, cell after cell. */
  rows(): Promise<Required<CodeRows>>;
  free(): void;
}

/** Codes and what comes with them. */
export interface CodeRows {
  /** `[N, bytes]`. */
  readonly codes: Uint8Array;
  /** `[N]`. */
  readonly ids: Int32Array;
  /** `[N]`: the cells of inverted lists. */
  readonly cells: Int32Array;
  /** `[N, D]`, where they are kept; else none. */
  readonly vectors: Float32Array;
}

/** Queries that are answered in one go. */
export interface ScanBatch {
  /** `[Q, D]`: checked, and of length 1 where cosines are compared. */
  readonly queries: Float32Array;
  readonly k: number;
  /** How many of the nearest by small integers are looked at again. */
  readonly keep: number;
  /** `[Q]`: what is added to the estimates of a query. */
  readonly bases: Float32Array;
  /** `[Q, probes]`: the cells that are searched, the nearest first, and what is added in each. */
  readonly probes?: { readonly cells: Int32Array; readonly bases: Float32Array };
  readonly allows?: (id: number) => boolean;
}

/** The answer of a search of Q queries for k vectors each. */
export interface CodeNeighbours {
  /** `[Q, k]`, the nearest first, the lower id first on ties; -1 where there are fewer. */
  readonly ids: Int32Array<ArrayBuffer>;
  /**
   * `[Q, k]`: squared Euclidean distances, 1 - cosines, or less inner products: of the vectors where they are
   * kept, else what their codes tell about them. NaN where there are fewer.
   */
  readonly distances: Float32Array<ArrayBuffer>;
}

/** Positions of codes by cell: `store[i]` of the cell is at lane `i % 32` of its block `blocks[i >> 5]`. */
export interface Cell {
  readonly blocks: number[];
  count: number;
}
