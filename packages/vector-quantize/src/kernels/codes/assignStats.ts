import { checkInteger, expected } from "../../errors.ts";
import { checkFloats, checkInts, checkKernelOptions } from "../arguments.ts";
import { codesKernels } from "../engine/binaries/codes.ts";
import { defaultPool } from "../engine/createPool.ts";
import { supports } from "../engine/kernelModule.ts";
import type { Scope } from "../engine/memory.ts";
import type { Kernel, Pool } from "../engine/pool.ts";
import {
  type AssignStats,
  assignStatsReference,
  STATS_BLOCK,
  STATS_SEGMENT,
} from "./assignStats.reference.ts";

export { type AssignStats, STATS_BLOCK } from "./assignStats.reference.ts";

export interface StatsSize {
  /** Features of a vector, D. */
  readonly dim: number;
  /** Number of codes, K. */
  readonly codes: number;
}

/** Options of `assignStats`. */
export interface AssignStatsOptions extends StatsSize {
  /** Where it runs. Default: a pool that all searches share. */
  readonly pool?: Pool;
}

/**
 * Counts and sums of the vectors that are assigned to each code:
 * `counts[k] = #{n : indices[n] = k}`, `sums[k] = sum of vectors[n] over indices[n] = k`.
 *
 * The result is the same to the bit for any number of threads and in every engine: rows are taken in
 * segments of `2^23 / D`; in each they are ordered by code, cut into blocks of 256, every block is
 * summed in order by one thread, and what blocks and segments give for a code is added in order.
 *
 * ```ts
 * const { counts, sums } = await assignStats(vectors, indices, { dim: 256, codes: 1024 });
 * ```
 *
 * @param vectors `[N, D]`
 * @param indices `[N]`, 0 ... K - 1, or -1 for a row that is left out
 * @returns counts int32 `[K]` and sums float32 `[K, D]`
 * @throws if an index is out of range, or the lengths do not fit together
 */
export async function assignStats(
  vectors: Float32Array,
  indices: Int32Array,
  options: AssignStatsOptions,
): Promise<AssignStats> {
  checkKernelOptions("assignStats", options, ["dim", "codes", "pool"]);
  const { dim, codes } = options;
  checkInteger("assignStats: dim", dim);
  checkInteger("assignStats: codes", codes);
  checkFloats("assignStats: vectors", vectors);
  checkInts("assignStats: indices", indices);
  if (vectors.length !== indices.length * dim) {
    throw expected(
      "assignStats: vectors",
      `${indices.length} x ${dim} numbers, as there are indices`,
      vectors.length,
    );
  }
  if (indices.some((index) => index < -1 || index >= codes)) {
    throw badIndex("assignStats", indices, codes);
  }
  if (!supports("plain")) return assignStatsReference(vectors, indices, dim, codes);
  const pool = options.pool ?? defaultPool();
  return pool.exclusive(async (scope) => {
    const { memory } = pool;
    const segment = segmentRows(dim);
    const rows = Math.min(segment, indices.length);
    const x = scope.allocate(4 * rows * dim);
    const at = scope.allocate(4 * rows);
    const stats = scope.adopt(await createStats(pool, { dim, codes, rows }));
    for (let first = 0; first < indices.length; first += segment) {
      const taken = indices.subarray(first, first + segment);
      memory.write(x, vectors.subarray(first * dim, (first + segment) * dim));
      memory.write(at, taken);
      await stats.add(x, at, taken.length);
    }
    return stats.read();
  });
}

/** Rows of a segment; part of the sums' definition. */
export function segmentRows(dim: number): number {
  return Math.max(STATS_BLOCK, Math.floor(STATS_SEGMENT / dim));
}

/** The error for the first index outside -1 ... `codes` - 1. */
export function badIndex(where: string, indices: Int32Array, codes: number): Error {
  const at = indices.findIndex((index) => index < -1 || index >= codes);
  return expected(`${where}: indices[${at}]`, `-1 or 0 ... ${codes - 1}`, indices[at]);
}

/** Statistics of rows, segment by segment. All is called inside `pool.exclusive`. */
export interface Stats {
  /** Address of the sums, float32 `[K, D]`. */
  readonly sums: number;
  /** Forgets what was added. */
  clear(): void;
  /**
   * Adds `rows` vectors at `vectors` with int32 indices at `indices`, -1 or those of codes, all in the pool's
   * memory; `weights` are what they count in the sums, float32, or 0: one each.
   */
  add(vectors: number, indices: number, rows: number, weights?: number): Promise<void>;
  /** Adds a segment of vectors, or less of one, with such indices, that are fetched a few at a time. */
  addFetched(indices: number, rows: number, fetch: Fetch): Promise<void>;
  /** Vectors per code so far. */
  readonly counts: Int32Array<ArrayBuffer>;
  /** Counts and sums so far, as copies. */
  read(): AssignStats;
  free(): void;
}

/** Brings vectors of a segment, by their numbers, into the pool's memory; where they and their weights are then. */
export interface Fetch {
  /** Most vectors at a time, at least `STATS_BLOCK`. */
  readonly most: number;
  bring(rows: Int32Array): Promise<{ readonly vectors: number; readonly weights: number }>;
}

export interface StatsRoom extends StatsSize {
  /** Rows that are given at a time, at most. */
  readonly rows: number;
  /** Address of `4 K D` bytes that nobody needs while rows are added. Default: its own, once needed. */
  readonly spare?: number;
}

/** Room for statistics in segments of `rows` rows, or of fewer. */
export async function createStats(pool: Pool, options: StatsRoom): Promise<Stats> {
  const kernels = await pool.load(codesKernels, pool.form);
  return pool.memory.hold((scope) => statsIn(scope, pool, kernels, options));
}

/** Where rows lie, and the places of the ordered ones among them. */
interface Lying {
  readonly vectors: number;
  readonly weights: number;
  readonly indices: number;
  readonly places: number;
}

function statsIn(
  scope: Scope,
  pool: Pool,
  kernels: Record<"orderByCode" | "sumBlocks" | "addHeads" | "addFloats", Kernel>,
  { dim, codes, rows, spare = 0 }: StatsRoom,
): Stats {
  const { memory } = pool;
  const segment = Math.min(rows, segmentRows(dim));
  const blocks = Math.ceil(segment / STATS_BLOCK);
  const sums = scope.allocate(4 * codes * dim);
  const starts = scope.allocate(4 * (codes + 1));
  const next = scope.allocate(4 * codes);
  const order = scope.allocate(4 * segment);
  const heads = scope.allocate(4 * blocks * dim);
  let later = spare; // sums of a second and further segment
  const counts = new Int32Array(codes);
  let empty = true;

  /** Sums what the blocks from `origin` on have in the rows at `places`. */
  function sumBlocks(target: number, at: Lying, origin: number, taken: number): Promise<number> {
    return pool.run(kernels.sumBlocks, {
      rows: taken,
      chunkRows: Math.max(1, Math.ceil(taken / (8 * pool.threads))),
      work: 16 * STATS_BLOCK * taken * dim, // bound by memory: a sum takes as long as many products
      args: [
        ...[at.vectors, dim, at.weights, at.places, origin],
        ...[at.indices, order, memory.i32(starts, codes + 1)[codes]!, starts, target, heads],
      ],
    });
  }

  async function addSegment(
    indices: number,
    count: number,
    sum: (target: number, total: number) => Promise<void>,
  ): Promise<void> {
    const bad = kernels.orderByCode.call(0, count, 0, indices, codes, starts, next, order);
    if (bad > 0) throw new Error(`kernels: ${bad} indices are those of no code`);
    if (!empty && later === 0) later = scope.allocate(4 * codes * dim);
    const target = empty ? sums : later;
    memory.f32(target, codes * dim).fill(0);
    const bounds = memory.i32(starts, codes + 1);
    for (let k = 0; k < codes; k++) counts[k]! += bounds[k + 1]! - bounds[k]!;
    const total = bounds[codes]!;
    await sum(target, total);
    const taken = Math.ceil(total / STATS_BLOCK);
    kernels.addHeads.call(0, taken, 0, dim, indices, order, starts, target, heads);
    if (!empty) kernels.addFloats.call(0, codes * dim, 0, later, sums);
    empty = false;
  }

  return {
    sums,
    counts,
    clear() {
      counts.fill(0);
      empty = true;
    },
    async add(vectors, indices, count, weights = 0) {
      for (let first = 0; first < count; first += segment) {
        const at = {
          vectors: vectors + 4 * first * dim,
          weights: weights === 0 ? 0 : weights + 4 * first,
          indices: indices + 4 * first,
          places: order,
        };
        await addSegment(at.indices, Math.min(segment, count - first), async (target, total) => {
          await sumBlocks(target, at, 0, Math.ceil(total / STATS_BLOCK));
        });
      }
    },
    addFetched: (indices, count, { most, bring }) =>
      memory.lend(async (lent) => {
        const blocksAtOnce = Math.floor(most / STATS_BLOCK);
        const places = lent.copyOf(
          Int32Array.from({ length: blocksAtOnce * STATS_BLOCK }, (_, n) => n),
        );
        await addSegment(indices, count, async (target, total) => {
          const all = Math.ceil(total / STATS_BLOCK);
          for (let origin = 0; origin < all; origin += blocksAtOnce) {
            const taken = Math.min(blocksAtOnce, all - origin);
            const first = origin * STATS_BLOCK;
            const rows = Math.min(taken * STATS_BLOCK, total - first);
            const at = await bring(memory.i32(order + 4 * first, rows));
            await sumBlocks(target, { ...at, indices, places }, origin, taken);
          }
        });
      }),
    read: () => ({
      counts: counts.slice(),
      sums: empty ? new Float32Array(codes * dim) : memory.f32(sums, codes * dim).slice(),
    }),
    free: () => scope.free(),
  };
}
