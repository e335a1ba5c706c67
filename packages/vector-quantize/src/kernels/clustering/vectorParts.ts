import { STATS_BLOCK, type Stats, segmentRows } from "../codes/assignStats.ts";
import type { Scope } from "../engine/memory.ts";
import type { Kernel, Pool } from "../engine/pool.ts";
import type { Chosen, ClusteringOptions } from "./clustering.ts";

/** Numbers that are in the pool's memory at a time, where all are more than a segment. */
const PART = 2 ** 20;

/**
 * Vectors in ordinary memory that are brought into the pool's a part at a time; those of one segment of
 * `assignStats` at once, to stay. All is called inside `pool.exclusive`.
 */
export interface VectorParts {
  /** The vectors that are chosen are others now. */
  forget(): void;
  /** Brings in part after part. */
  each(task: (part: VectorPart) => Promise<void>): Promise<void>;
  /** For each segment a function that adds it to statistics, given the labels of all. */
  eachSegment(
    labels: Int32Array<ArrayBuffer>,
    task: (addTo: (stats: Stats) => Promise<void>) => Promise<void>,
  ): Promise<void>;
}

export interface VectorPart {
  /** The first among those that are chosen. */
  readonly first: number;
  readonly count: number;
  /** Address, float32 `[count, D]`. */
  readonly vectors: number;
}

export function createVectorParts(
  pool: Pool,
  scope: Scope,
  normalizeRows: Kernel,
  chosen: Chosen,
  { dim, metric, vectors, weights, rows }: ClusteringOptions,
): VectorParts {
  const { memory } = pool;
  const segment = segmentRows(dim);
  const stays = rows <= segment;
  const most = stays ? rows : Math.max(STATS_BLOCK, Math.floor(PART / dim));
  const x = scope.allocate(4 * most * dim);
  const w = weights === undefined ? 0 : scope.allocate(4 * most);
  let held = -1; // the first vector of the part that is there

  /** Brings `count` vectors in, the n-th of them the `rowOf(n)`-th that is chosen. */
  async function gather(count: number, rowOf: (n: number) => number): Promise<void> {
    const to = memory.f32(x, count * dim);
    for (let n = 0; n < count; n++) {
      const from = chosen.rowOf(rowOf(n)) * dim;
      to.set(vectors.subarray(from, from + dim), n * dim);
    }
    await prepare(count, rowOf);
  }

  /** Weights and lengths of vectors that have been brought in. */
  async function prepare(count: number, rowOf: (n: number) => number): Promise<void> {
    if (w !== 0) {
      const to = memory.f32(w, count);
      for (let n = 0; n < count; n++) to[n] = chosen.weights![rowOf(n)]!;
    }
    if (metric !== "cosine") return;
    const job = { rows: count, chunkRows: STATS_BLOCK, work: 16 * count * dim };
    await pool.run(normalizeRows, { ...job, args: [x, dim] });
  }

  async function bring(first: number, count: number): Promise<void> {
    if (held === first) return;
    held = -1;
    const rowOf = (n: number) => first + n;
    if (chosen.rows !== undefined) await gather(count, rowOf);
    else {
      memory.write(x, vectors.subarray(first * dim, (first + count) * dim));
      await prepare(count, rowOf);
    }
    held = first;
  }

  /** Adds a segment that begins at `first`, whose labels are at `indices`. */
  async function add(stats: Stats, first: number, count: number, indices: number): Promise<void> {
    if (stays) {
      await bring(first, count);
      return stats.add(x, indices, count, w);
    }
    held = -1;
    await stats.addFetched(indices, count, {
      most,
      async bring(wanted) {
        await gather(wanted.length, (n) => first + wanted[n]!);
        return { vectors: x, weights: w };
      },
    });
  }

  return {
    forget() {
      held = -1;
    },
    async each(task) {
      for (let first = 0; first < chosen.count; first += most) {
        const count = Math.min(most, chosen.count - first);
        await bring(first, count);
        await task({ first, count, vectors: x });
      }
    },
    eachSegment: (labels, task) =>
      memory.lend(async (lent) => {
        for (let first = 0; first < chosen.count; first += segment) {
          const own = labels.subarray(first, first + segment);
          const indices = lent.copyOf(own);
          await task((stats) => add(stats, first, own.length, indices));
          lent.free();
        }
      }),
  };
}
