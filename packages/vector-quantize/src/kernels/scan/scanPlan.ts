import type { Cell, ScanBatch } from "./codeEngine.ts";
import { LANES } from "./codeLayout.ts";

/** Blocks below which a part of a scan is not worth its overhead. */
const LEAST_BLOCKS = 64;
/** Keys of all parts of a query that are merged. */
const MOST_KEYS = 2 ** 17;

/** Blocks that queries are compared with. */
export interface Entries {
  /** All queries have the same ones. */
  readonly shared: boolean;
  /** By query: its first entry and how many it has. */
  readonly starts: readonly number[];
  readonly counts: readonly number[];
}

/** Entries of the blocks of some cells: their numbers, and what is added to estimates there, as float bits. */
export function wordsOf(cells: readonly Cell[], bases: Float32Array): Int32Array {
  const count = cells.reduce((sum, cell) => sum + blocksOf(cell), 0);
  const words = new Int32Array(2 * count);
  const floats = new Float32Array(words.buffer);
  let at = 0;
  for (const [i, cell] of cells.entries()) {
    const base = bases[i]! + 0; // never -0
    const end = at + 2 * blocksOf(cell);
    for (let block = 0; at < end; at += 2) {
      words[at] = cell.blocks[block++]!;
      floats[at + 1] = base;
    }
  }
  return words;
}

const blocksOf = ({ count }: Cell) => Math.ceil(count / LANES);

/** Where the entries of queries lie among those of all cells that they look into, one behind another. */
export function entriesOf(cells: readonly Cell[], { probes }: ScanBatch, queries: number): Entries {
  const starts: number[] = [];
  const counts: number[] = [];
  const each = probes === undefined ? 1 : probes.cells.length / queries;
  let start = 0;
  for (let query = 0; query < queries; query++) {
    let count = 0;
    for (let p = query * each; p < (query + 1) * each; p++) {
      count += blocksOf(cells[probes === undefined ? 0 : probes.cells[p]!]!);
    }
    starts.push(start);
    counts.push(count);
    if (probes !== undefined) start += count;
  }
  return { shared: probes === undefined, starts, counts };
}

/** Some entries against one or several queries. */
interface PlannedItem {
  readonly query: number;
  readonly queries: number;
  /** The first entry of the queries, and those of the item, counted from it. */
  readonly start: number;
  readonly first: number;
  readonly count: number;
}

/** How a scan is parted among threads; the answers do not depend on it. */
export interface ScanPlan {
  readonly items: readonly PlannedItem[];
  /** By query: its items, its place among their queries, its first entry. */
  readonly queries: readonly {
    readonly item: number;
    readonly items: number;
    readonly slot: number;
    readonly start: number;
  }[];
  /** Most queries of an item, and most items of a query. */
  readonly group: number;
  readonly mostItems: number;
  /** Blocks in all, once for each query. */
  readonly blocks: number;
}

/** Queries in groups that share their blocks, and blocks in parts where there are too few groups. */
export function scanPlan(
  { starts, counts, shared }: Entries,
  options: { queries: number; together: number; threads: number; keep: number },
): ScanPlan {
  const { queries, together, threads, keep } = options;
  const group = shared ? Math.min(together, queries) : 1;
  const groups = Math.ceil(queries / group);
  const wanted = groups >= 4 * threads ? 1 : Math.ceil((4 * threads) / groups);
  const items: PlannedItem[] = [];
  const places: ScanPlan["queries"][number][] = [];
  let blocks = 0;
  let mostItems = 1;
  for (let query = 0; query < queries; query += group) {
    const own = Math.min(group, queries - query);
    const [start, count] = [starts[query]!, counts[query]!];
    const most = Math.min(Math.floor(count / LEAST_BLOCKS), Math.floor(MOST_KEYS / keep));
    const parts = threads === 1 ? 1 : Math.max(1, Math.min(wanted, most));
    const item = items.length;
    for (let part = 0; part < parts; part++) {
      const first = Math.floor((part * count) / parts);
      const end = Math.floor(((part + 1) * count) / parts);
      items.push({ query, queries: own, start, first, count: end - first });
    }
    for (let slot = 0; slot < own; slot++) places.push({ item, items: parts, slot, start });
    blocks += count * own;
    mostItems = Math.max(mostItems, parts);
  }
  return { items, queries: places, group, mostItems, blocks };
}
