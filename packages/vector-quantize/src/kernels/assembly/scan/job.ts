/** What a scan reads and where its answers go, written by the host. `layout.ts` says how blocks lie. */
@unmanaged
export class ScanJob {
  /** The first block, and the bytes of each. */
  blocks: usize;
  blockBytes: i32;
  /** Parts of a code in fours: nibbles, or bytes. */
  fours: i32;
  /** Where a block's addends lie (f32 [32]), behind them its factors; 0: it has none. */
  factors: i32;
  /** u32 by block: the lanes that may be found. */
  masks: usize;
  /**
   * f32 [Q, 4]: start and step, which make a query's sums of small integers sums of its tables; the sum of its
   * numbers.
   */
  constants: usize;
  /** The items of the job. */
  items: usize;
  /** Codes that each item keeps for each query. */
  keep: i32;
  /** u64 [items, queries of an item, keep]: keys; and how many there are, i32 [items, queries]. */
  keys: usize;
  counts: usize;
  /** Most queries of an item. */
  group: i32;
}

/** Some blocks against one or several queries. */
@unmanaged
export class ScanItem {
  /** The first of its queries, and how many. */
  query: i32;
  queries: i32;
  /** The tables of its queries: one behind another, or interleaved. */
  tables: usize;
  tableBytes: i32;
  /** u32, f32 [count]: blocks, and what is added to the estimates in each. */
  entries: usize;
  /** The place of the first entry among all of the query. */
  first: i32;
  count: i32;
}

/** Vectors of a block. */
export const LANES: i32 = 32;

/** Bytes of an entry. */
export const ENTRY: usize = 8;

/** Whose sums of codes lie in an interleaved table. */
export const BATCH: i32 = 16;
