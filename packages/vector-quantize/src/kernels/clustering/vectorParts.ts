import { segmentRows } from "../codes/assignStats.ts";
import type { Scope } from "../engine/memory.ts";
import type { Kernel, Pool } from "../engine/pool.ts";
import type { Chosen, ClusteringOptions } from "./clustering.ts";

/** Vectors in ordinary memory that are brought into the pool's a part at a time. */
export interface VectorParts {
  /** The vectors that are chosen are others now. */
  forget(): void;
  /** Brings in part after part. Call it inside `pool.exclusive`. */
  each(task: (part: VectorPart) => Promise<void>): Promise<void>;
}

/** Vectors that are summed by themselves: a segment, as `assignStats` defines it. */
export interface VectorPart {
  /** The first among those that are chosen. */
  readonly first: number;
  readonly count: number;
  /** Addresses, float32 `[count, D]` and `[count]`; 0: every vector weighs 1. */
  readonly vectors: number;
  readonly weights: number;
}

/** Room for a part. Where all vectors are one, it stays. */
export function createVectorParts(
  pool: Pool,
  scope: Scope,
  normalizeRows: Kernel,
  chosen: Chosen,
  { dim, metric, vectors, weights, rows }: ClusteringOptions,
): VectorParts {
  const { memory } = pool;
  const most = Math.min(rows, segmentRows(dim));
  const x = scope.allocate(4 * most * dim);
  const w = weights === undefined ? 0 : scope.allocate(4 * most);
  let held = -1; // the first vector of the part that is there

  function copy(first: number, count: number): void {
    if (chosen.rows === undefined) {
      memory.write(x, vectors.subarray(first * dim, (first + count) * dim));
    } else {
      const to = memory.f32(x, count * dim);
      for (let n = 0; n < count; n++) {
        const from = chosen.rowOf(first + n) * dim;
        to.set(vectors.subarray(from, from + dim), n * dim);
      }
    }
    if (w === 0) return;
    const to = memory.f32(w, count);
    for (let n = 0; n < count; n++) to[n] = chosen.weightOf(first + n);
  }

  async function bring(first: number, count: number): Promise<void> {
    if (held === first) return;
    held = -1;
    copy(first, count);
    if (metric === "cosine") {
      const job = { rows: count, chunkRows: 256, work: 16 * count * dim };
      await pool.run(normalizeRows, { ...job, args: [x, dim] });
    }
    held = first;
  }

  return {
    forget() {
      held = -1;
    },
    async each(task) {
      for (let first = 0; first < chosen.count; first += most) {
        const count = Math.min(most, chosen.count - first);
        await bring(first, count);
        await task({ first, count, vectors: x, weights: w });
      }
    },
  };
}
