import { checkInteger, expected } from "../../errors.ts";
import { checkFloats, checkInts, checkKernelOptions } from "../arguments.ts";
import { codesKernels } from "../engine/binaries/codes.ts";
import { defaultPool } from "../engine/createPool.ts";
import { supports } from "../engine/kernelModule.ts";
import type { Pool } from "../engine/pool.ts";
import {
  type AssignStats,
  assignStatsReference,
  STATS_BLOCK,
  STATS_SEGMENT,
} from "./assignStats.reference.ts";

export type { AssignStats } from "./assignStats.reference.ts";

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
  return pool.exclusive(async () => {
    const segment = segmentRows(dim);
    const rows = Math.min(segment, indices.length);
    const { memory } = pool;
    const [x, at] = memory.allocateAll(4 * rows * dim, 4 * rows);
    let stats: Stats | undefined;
    try {
      stats = await createStats(pool, { dim, codes, rows });
      for (let first = 0; first < indices.length; first += segment) {
        const count = Math.min(segment, indices.length - first);
        memory.f32(x, count * dim).set(vectors.subarray(first * dim, (first + count) * dim));
        memory.i32(at, count).set(indices.subarray(first, first + count));
        await stats.add(x, at, count);
      }
      return stats.read();
    } finally {
      stats?.free();
      memory.free(x);
      memory.free(at);
    }
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

/** Statistics of rows that lie in the pool's memory already. */
export interface Stats {
  /** Address of the sums, float32 `[K, D]`. */
  readonly sums: number;
  /** Forgets what was added. */
  clear(): void;
  /**
   * Adds `rows` vectors at `vectors` with int32 indices at `indices`: at most a segment. Call it
   * inside `pool.exclusive`. Returns how many indices are out of range; nothing is added then.
   */
  add(vectors: number, indices: number, rows: number): Promise<number>;
  /** Vectors per code so far. */
  readonly counts: Int32Array<ArrayBuffer>;
  /** Counts and sums so far, as copies. */
  read(): AssignStats;
  free(): void;
}

/** Room for the statistics of up to `rows` rows at a time. */
export async function createStats(
  pool: Pool,
  options: StatsSize & { readonly rows: number },
): Promise<Stats> {
  const { dim, codes, rows } = options;
  const { memory } = pool;
  const kernels = await pool.load(codesKernels, pool.form);
  const blocks = Math.ceil(rows / STATS_BLOCK);
  const regions = memory.allocateAll(
    4 * codes * dim,
    4 * (codes + 1),
    4 * codes,
    4 * rows,
    4 * blocks * dim,
  );
  const [sums, starts, next, order, heads] = regions;
  let later = 0; // sums of a second and further segment
  const counts = new Int32Array(codes);
  let empty = true;

  return {
    sums,
    counts,
    clear() {
      counts.fill(0);
      empty = true;
    },
    async add(vectors, indices, count) {
      const bad = kernels.orderByCode.call(0, count, 0, indices, codes, starts, next, order);
      if (bad > 0) return bad;
      if (!empty && later === 0) later = memory.allocate(4 * codes * dim);
      const target = empty ? sums : later;
      memory.f32(target, codes * dim).fill(0);
      const bounds = memory.i32(starts, codes + 1);
      for (let k = 0; k < codes; k++) counts[k]! += bounds[k + 1]! - bounds[k]!;
      const total = bounds[codes]!;
      const taken = Math.ceil(total / STATS_BLOCK);
      await pool.run(kernels.sumBlocks, {
        rows: taken,
        chunkRows: Math.max(1, Math.ceil(taken / (8 * pool.threads))),
        work: 16 * total * dim, // bound by memory: a sum takes as long as many products
        args: [vectors, dim, indices, order, total, starts, target, heads],
      });
      kernels.addHeads.call(0, taken, 0, dim, indices, order, starts, target, heads);
      if (!empty) kernels.addFloats.call(0, codes * dim, 0, later, sums);
      empty = false;
      return 0;
    },
    read: () => ({
      counts: counts.slice(),
      sums: empty ? new Float32Array(codes * dim) : memory.f32(sums, codes * dim).slice(),
    }),
    free() {
      for (const start of regions) memory.free(start);
      if (later !== 0) memory.free(later);
    },
  };
}
