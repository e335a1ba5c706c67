import { createStats } from "../codes/assignStats.ts";
import { clusteringKernels } from "../engine/binaries/clustering.ts";
import { searchKernels } from "../engine/binaries/search.ts";
import type { Scope } from "../engine/memory.ts";
import type { Pool } from "../engine/pool.ts";
import { headerOf, type PackedCodebook, packCodebook } from "../search/packedCodebook.ts";
import { filterScratch } from "../search/pruning/filterCodebook.ts";
import type { Pruning } from "../search/pruning/pruning.ts";
import { fastestPruning } from "../search/pruning/pruningChoice.ts";
import { fastestTile, nearestScratch } from "../search/tileChoice.ts";
import {
  addInertia,
  addToTally,
  Chosen,
  type ClusteringOptions,
  chooseFillers,
  emptyClusters,
  emptyTally,
  farthest,
  moveFillers,
  normalize,
} from "./clustering.ts";
import { massesOf } from "./draws.ts";
import type { ClusteringPart } from "./sharedClustering.ts";
import { createVectorParts } from "./vectorParts.ts";

/** Rows that a thread searches at a time, and bytes of them that fit the second-level cache. */
const BLOCK_ROWS = 192;
const BLOCK_BYTES = 2 ** 18;
/** Products of vectors and codes, about half a second of them, after which the work is told of. */
const SLICE_PRODUCTS = 2 ** 35;

/**
 * k-means on the kernels: a part of the vectors at a time is in the pool's memory, the codebook until `scope`
 * is given back. All steps run inside `exclusive`.
 */
export async function createKernelClustering(
  pool: Pool,
  scope: Scope,
  options: ClusteringOptions,
): Promise<ClusteringPart> {
  const { dim, clusters, metric, vectors, rows, tick } = options;
  const { form, memory } = pool;
  const tile = await fastestTile(pool, form, dim);
  const { nearest, nearestFiltered } = await pool.load(searchKernels, form);
  const { means, normalizeRows } = await pool.load(clusteringKernels, form);
  const shape = { dim, size: clusters, metric, tile, form };
  const book = scope.adopt(await packCodebook(pool, shape));
  const filter = scope.adopt(await fastestPruning(pool, book, form));
  // Each search packs the codes anew: between two of them there is room for sums.
  const spare = headerOf(memory, book.header).get("packed");
  const stats = scope.adopt(await createStats(pool, { dim, codes: clusters, rows, spare }));
  const chosen = new Chosen(options);
  const parts = createVectorParts(pool, scope, normalizeRows, chosen, options);
  const divisors = scope.allocate(4 * clusters); // [K], the counts as floats
  const centroids = () => memory.f32(book.codes, clusters * dim);
  let found = { labels: new Int32Array(0), distances: new Float32Array(0) }; // [N]
  let tally = emptyTally(clusters);

  /** The nearest codes of all vectors, a slice of them after another. */
  async function search(
    { header, size }: PackedCodebook,
    pruning: Pruning,
    take: (first: number, indices: Int32Array, distances: Float32Array) => number,
  ): Promise<number> {
    let sum = 0;
    const blockRows = blockOf(Math.min(rows, chosen.count), pool.threads, dim);
    const most = blockRows * Math.max(1, Math.round(SLICE_PRODUCTS / size / dim / blockRows));
    const integers = await pruning.start(chosen.count, "nearest");
    const scratch =
      integers === 0 ? nearestScratch(dim, blockRows) : filterScratch(dim, blockRows, form);
    await memory.lend((lent) =>
      parts.each(async (part) => {
        const slice = Math.min(most, part.count);
        const [at, far] = [lent.allocate(4 * slice), lent.allocate(4 * slice)];
        for (let first = 0; first < part.count; first += slice) {
          const count = Math.min(slice, part.count - first);
          await pool.run(integers === 0 ? nearest : nearestFiltered, {
            rows: count,
            chunkRows: blockRows,
            work: 2 * count * dim * size,
            scratch,
            args: [header, part.vectors + 4 * first * dim, at, far, blockRows, integers],
          });
          sum += take(part.first + first, memory.i32(at, count), memory.f32(far, count));
          await tick(((size / clusters) * count) / chosen.count);
        }
        lent.free();
      }),
    );
    return sum;
  }

  /** Moves the centroids to the means of sums at an address. */
  async function toMeans(counts: Float64Array, sums: number): Promise<void> {
    memory.f32(divisors, clusters).set(counts);
    await pool.run(means, {
      rows: clusters,
      chunkRows: Math.max(1, Math.ceil(clusters / (4 * pool.threads))),
      work: 16 * clusters * dim,
      args: [sums, divisors, dim, metric === "cosine" ? 1 : 0, book.codes],
    });
  }

  function vectorAt(n: number): Float32Array {
    const row = chosen.rowOf(n);
    const own = vectors.slice(row * dim, (row + 1) * dim);
    if (metric === "cosine") normalize(own);
    return own;
  }

  function vectorsAt(chosenRows: readonly number[]): Float32Array {
    const all = new Float32Array(chosenRows.length * dim);
    for (const [i, n] of chosenRows.entries()) all.set(vectorAt(n), i * dim);
    return all;
  }

  const putCentroid = (k: number, vector: Float32Array) =>
    memory.f32(book.codes + 4 * k * dim, dim).set(vector);

  return {
    choose(wanted) {
      chosen.choose(wanted);
      parts.forget();
      const { count } = chosen;
      found = { labels: new Int32Array(count).fill(-1), distances: new Float32Array(count) };
    },

    async seedAt(seeds, first) {
      for (const [k, n] of seeds.entries()) putCentroid(first + k, vectorAt(n));
    },

    async startAt(given) {
      memory.write(book.codes, given);
      if (metric === "cosine") normalizeRows.call(0, clusters, 0, book.codes, dim);
    },

    masses: massesOf(
      () => found.distances,
      () => chosen.weights,
    ),

    approach: (from, to) =>
      memory.lend(async (lent) => {
        const few = { ...shape, size: to - from, metric: "euclidean" } as const;
        const near = lent.adopt(await packCodebook(pool, few));
        const pruning = lent.adopt(await fastestPruning(pool, near, form));
        await near.set(centroids().subarray(from * dim, to * dim));
        await pruning.update();
        await search(near, pruning, (first, _, distances) => {
          const least = found.distances;
          for (let n = 0; n < distances.length; n++) {
            least[first + n] = Math.min(least[first + n]!, distances[n]!);
          }
          return 0;
        });
      }),

    async assign() {
      await book.set(centroids());
      await filter.update();
      return search(book, filter, (first, indices, distances) => {
        let changed = 0;
        for (let n = 0; n < indices.length; n++) {
          changed += indices[n] === found.labels[first + n] ? 0 : 1;
        }
        found.labels.set(indices, first);
        found.distances.set(distances, first);
        return changed;
      });
    },

    async move(accumulate) {
      const { labels, distances } = found;
      if (!accumulate) {
        stats.clear();
        tally = emptyTally(clusters);
      }
      await parts.eachSegment(labels, (addTo) => addTo(stats));
      addToTally(tally, labels, chosen.weights);
      const empty = emptyClusters(tally).length;
      if (empty > 0) {
        const candidates = farthest(empty + clusters, labels, distances, chosen.weights);
        const moves = chooseFillers(candidates, tally);
        const filled = vectorsAt(moves.map(({ row }) => row));
        moveFillers(moves, filled, memory.f32(stats.sums, clusters * dim));
        for (const { row, to } of moves) labels[row] = to;
      }
      await toMeans(tally.counts, stats.sums);
    },

    centroids: () => centroids().slice(),
    counts: () => tally.counts.slice(),
    labels: () => found.labels,
    distances: () => found.distances,
    inertia: () => addInertia(0, found.distances, chosen.weights),

    weights: () => chosen.weights,
    vector: vectorAt,
    putCentroid,

    async segments() {
      const sums: Float32Array<ArrayBuffer>[] = [];
      await parts.eachSegment(found.labels, async (addTo) => {
        stats.clear();
        await addTo(stats);
        sums.push(stats.read().sums);
      });
      return sums;
    },

    async moveTo(counts, sums) {
      memory.write(stats.sums, sums as Float32Array<ArrayBuffer>);
      await toMeans(counts, stats.sums);
    },
  };
}

/** Rows of a block: a multiple of 12, which all tile heights divide, and several for each thread. */
function blockOf(rows: number, threads: number, dim: number): number {
  const most = Math.min(BLOCK_ROWS, BLOCK_BYTES / (4 * dim), rows / (8 * threads));
  return Math.max(12, Math.floor(most / 12) * 12);
}
