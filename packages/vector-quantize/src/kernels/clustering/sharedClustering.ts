import type { BatchParts } from "../../distributed/batchParts.ts";
import type { ProcessGroup } from "../../distributed/processGroup.ts";
import { expected } from "../../errors.ts";
import { segmentRows } from "../codes/assignStats.ts";
import {
  addInertia,
  addToTally,
  type Clustering,
  chooseFillers,
  emptyClusters,
  emptyTally,
  type Filler,
  farthest,
  moveFillers,
} from "./clustering.ts";
import { DRAW_BLOCK, type Masses } from "./draws.ts";

/** A clustering of the vectors of one process, whose steps can be taken together with others. */
export interface ClusteringPart extends Clustering {
  weights(): Float32Array | undefined;
  /** A copy of a vector. */
  vector(n: number): Float32Array;
  putCentroid(k: number, vector: Float32Array): void;
  /** The sums of each segment of the vectors, one after another. */
  segments(): Promise<Float32Array[]>;
  /** Moves the centroids to the means of such sums. */
  moveTo(counts: Float64Array, sums: Float32Array): Promise<void>;
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
  let tally = emptyTally(0);

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
    const empty = emptyClusters(tally).length;
    if (empty === 0) return [];
    const wanted = empty + tally.counts.length;
    const own = [...farthest(wanted, part.labels(), part.distances(), part.weights())].flatMap(
      ({ row, from, distance, weight }) => [row + first, from, distance, weight],
    );
    const all = await group.allGather(Float64Array.from(own));
    const candidates = Array.from({ length: all.length / 4 }, (_, i) => {
      const [row = 0, from = 0, distance = 0, weight = 0] = all.subarray(4 * i, 4 * i + 4);
      return { row, from, distance, weight };
    });
    candidates.sort((a, b) => b.distance - a.distance || a.row - b.row);
    return chooseFillers(candidates, tally);
  }

  /** Of the vectors of all processes, by their numbers among all. */
  const masses: Masses = {
    fill: (value) => part.masses.fill(value),
    sums: async () =>
      group.allGather(
        await part.masses.sums(),
        rows.map((count) => Math.ceil(count / DRAW_BLOCK)),
      ),
    async take(block, rest) {
      const owner = ownerOf(block * DRAW_BLOCK);
      const taken = new Float64Array(2);
      if (owner === rank) {
        const { row, left } = await part.masses.take(block - first / DRAW_BLOCK, rest);
        taken.set([first + row, left]);
      }
      await group.broadcast(taken, owner);
      const [row = 0, left = 0] = taken;
      return { row, left };
    },
  };

  return {
    choose: () => part.choose(),

    async seedAt(chosen, from) {
      const vectors = await vectorsAt(chosen);
      for (let k = 0; k < chosen.length; k++) {
        part.putCentroid(from + k, vectors.subarray(k * dim, (k + 1) * dim));
      }
    },

    startAt: (centroids) => part.startAt(centroids),
    masses,
    approach: (from, to) => part.approach(from, to),
    assign: async () => sumOf(await part.assign()),

    async move() {
      const segments = await part.segments();
      const sums = await passedOn(new Float32Array(segments[0]!.length), (running) => {
        for (const [i, segment] of segments.entries()) {
          if (rank === 0 && i === 0) running.set(segment);
          else
            segment.forEach((value, at) => {
              running[at]! += value;
            });
        }
      });
      const clusters = sums.length / dim;
      tally = emptyTally(clusters);
      const counts = await passedOn(new Float64Array(clusters), (running) => {
        addToTally({ members: tally.members, counts: running }, part.labels(), part.weights());
      });
      tally = { members: tally.members, counts };
      await group.allReduce(tally.members);
      const moves = await fillers();
      moveFillers(moves, await vectorsAt(moves.map(({ row }) => row)), sums);
      for (const { row, to } of moves) {
        if (ownerOf(row) === rank) part.labels()[row - first] = to;
      }
      await part.moveTo(tally.counts, sums);
    },

    centroids: () => part.centroids(),
    counts: () => tally.counts.slice(),
    labels: () => part.labels(),
    distances: () => part.distances(),
    async inertia() {
      const sum = await passedOn(new Float64Array(1), (running) => {
        running[0] = addInertia(running[0]!, part.distances(), part.weights());
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
