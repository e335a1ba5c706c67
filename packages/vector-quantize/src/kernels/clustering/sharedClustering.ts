import type { BatchParts } from "../../distributed/batchParts.ts";
import type { ProcessGroup } from "../../distributed/processGroup.ts";
import { expected } from "../../errors.ts";
import type { AssignStats } from "../codes/assignStats.ts";
import { segmentRows } from "../codes/assignStats.ts";
import {
  type Clustering,
  chooseFillers,
  DRAW_BLOCK,
  drawBlock,
  drawWithin,
  type Filler,
  farthest,
} from "./clustering.ts";

/** A clustering of the vectors of one process, whose steps can be taken together with others. */
export interface ClusteringPart extends Clustering {
  /** A copy of a vector. */
  vector(row: number): Float32Array;
  putCentroid(k: number, vector: Float32Array): void;
  /** Takes centroid `k` into the distances to the nearest so far; their sums over blocks. */
  approach(k: number): Promise<Float64Array>;
  /** Views that are good until memory is taken. */
  distances(): Float32Array;
  indices(): Int32Array;
  /** What each segment of the vectors gives the clusters, one after another. */
  segments(): Promise<AssignStats[]>;
  /** Moves the centroids to the means of such sums. */
  moveTo(counts: Int32Array<ArrayBuffer>, sums: Float32Array): Promise<void>;
}

/** How the vectors of several processes must be dealt, so that their sums are in the order of one. */
export function checkAligned(parts: BatchParts, dim: number): void {
  const multiple = alignment(dim);
  let first = 0;
  for (const [rank, rows] of parts.rows.entries()) {
    if (rows === 0) throw expected(`kmeans: vectors of process ${rank}`, "at least one", rows);
    if (first % multiple !== 0) {
      throw expected(
        `kmeans: vectors of process ${rank - 1}`,
        `a multiple of ${multiple}, of ${dim} features, as of all processes but the last`,
        parts.rows[rank - 1],
      );
    }
    first += rows;
  }
}

/** Vectors that are summed by themselves, in whole blocks of a draw. */
export function alignment(dim: number): number {
  const rows = segmentRows(dim);
  let [a, b] = [rows, DRAW_BLOCK];
  while (b > 0) [a, b] = [b, a % b];
  return (rows / a) * DRAW_BLOCK;
}

/**
 * k-means of the vectors of all processes: to the bit that of one with all of them. Each searches and sums its
 * own; sums are passed on from process to process, in the order of the vectors.
 *
 * An iteration sends the sums, 4 K D bytes, once from every process to all.
 */
export function sharedClustering(
  part: ClusteringPart,
  parts: BatchParts,
  group: ProcessGroup,
  dim: number,
): Clustering {
  const { rank, size } = group;
  const { first, rows } = parts;
  const starts = rows.map((_, r) => rows.slice(0, r).reduce((a, b) => a + b, 0));
  const ownerOf = (row: number) => starts.findLastIndex((start) => start <= row);
  let counts = new Int32Array(0);

  /** Vectors by their numbers among all, one behind another. */
  async function vectorsAt(chosen: ArrayLike<number>): Promise<Float32Array> {
    const lengths = rows.map(() => 0);
    const own: number[] = [];
    for (const row of Array.from(chosen)) {
      const owner = ownerOf(row);
      lengths[owner] = (lengths[owner] as number) + dim;
      if (owner === rank) own.push(row - first);
    }
    const numbers = new Float32Array(own.length * dim);
    for (const [i, row] of own.entries()) numbers.set(part.vector(row), i * dim);
    const all = await group.allGather(numbers, lengths);
    const at = lengths.map((_, r) => lengths.slice(0, r).reduce((a, b) => a + b, 0));
    const ordered = new Float32Array(chosen.length * dim);
    for (const [i, row] of Array.from(chosen).entries()) {
      const owner = ownerOf(row);
      const from = at[owner] as number;
      ordered.set(all.subarray(from, from + dim), i * dim);
      at[owner] = from + dim;
    }
    return ordered;
  }

  const sumOf = async (value: number) => {
    const sum = Int32Array.of(value);
    await group.allReduce(sum);
    return sum[0] as number;
  };

  /** What `add` makes of numbers, process after process, in all of them. */
  async function passedOn<Passed extends Float32Array | Float64Array>(
    numbers: Passed,
    add: (numbers: Passed) => void,
  ): Promise<Passed> {
    for (let root = 0; root < size; root++) {
      if (root === rank) add(numbers);
      await group.broadcast(numbers, root);
    }
    return numbers;
  }

  /** The vectors that clusters without any get. */
  async function fillers(): Promise<Filler[]> {
    const empty = counts.reduce((sum, count) => sum + (count === 0 ? 1 : 0), 0);
    if (empty === 0) return [];
    const [distances, indices] = [part.distances(), part.indices()];
    const own = farthest(distances, empty + counts.length).flatMap((row) => [
      ...[row + first, indices[row] as number, distances[row] as number],
    ]);
    const all = await group.allGather(Float64Array.from(own));
    const candidates = Array.from({ length: all.length / 3 }, (_, i) => {
      const [row = 0, from = 0, distance = 0] = all.subarray(3 * i, 3 * i + 3);
      return { row, from, distance };
    });
    candidates.sort((a, b) => b.distance - a.distance || a.row - b.row);
    return chooseFillers(candidates, counts);
  }

  return {
    load: async (vectors) => sumOf(await part.load(vectors)),

    async seedAt(chosen) {
      const vectors = await vectorsAt(chosen);
      for (let k = 0; k < chosen.length; k++) {
        part.putCentroid(k, vectors.subarray(k * dim, (k + 1) * dim));
      }
    },

    async seedApart(next, clusters) {
      let row = Math.floor(next() * parts.total);
      part.distances().fill(Number.POSITIVE_INFINITY);
      const blocks = rows.map((count) => Math.ceil(count / DRAW_BLOCK));
      for (let k = 0; k < clusters; k++) {
        part.putCentroid(k, await vectorsAt([row]));
        if (k === clusters - 1) break;
        const sums = await group.allGather(await part.approach(k), blocks);
        const { block, rest } = drawBlock(sums, next);
        const found = new Float64Array(1);
        const owner = ownerOf(block * DRAW_BLOCK);
        if (owner === rank) {
          const own = block - first / DRAW_BLOCK;
          found[0] = first + drawWithin(own, rest, part.distances());
        }
        await group.broadcast(found, owner);
        row = found[0] as number;
      }
    },

    assign: async () => sumOf(await part.assign()),

    async move() {
      const segments = await part.segments();
      counts = new Int32Array((segments[0] as AssignStats).counts.length);
      for (const segment of segments)
        segment.counts.forEach((n, k) => {
          counts[k]! += n;
        });
      await group.allReduce(counts);
      const sums = await passedOn(new Float32Array(counts.length * dim), (running) => {
        for (const [i, segment] of segments.entries()) {
          if (rank === 0 && i === 0) running.set(segment.sums);
          else
            segment.sums.forEach((value, at) => {
              running[at]! += value;
            });
        }
      });
      const moves = await fillers();
      const vectors = await vectorsAt(moves.map(({ row }) => row));
      for (const [i, { row, from, to }] of moves.entries()) {
        for (let d = 0; d < dim; d++) {
          const value = vectors[i * dim + d] as number;
          sums[from * dim + d]! -= value;
          sums[to * dim + d] = value;
        }
        if (ownerOf(row) === rank) part.indices()[row - first] = to;
      }
      await part.moveTo(counts, sums);
    },

    centroids: () => part.centroids(),
    counts: () => counts.slice(),
    async inertia() {
      const sum = await passedOn(new Float64Array(1), (running) => {
        for (const distance of part.distances()) running[0]! += distance;
      });
      return sum[0] as number;
    },
  };
}

/** How the vectors lie in the processes. */
export async function partsOfVectors(group: ProcessGroup, rows: number): Promise<BatchParts> {
  const all = await group.allGather(Float64Array.of(rows), Array(group.size).fill(1));
  const counts = [...all];
  const sum = (some: readonly number[]) => some.reduce((a, b) => a + b, 0);
  return { rows: counts, total: sum(counts), first: sum(counts.slice(0, group.rank)) };
}
