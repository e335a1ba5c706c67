import { type AssignStats, createStats, segmentRows } from "../codes/assignStats.ts";
import { clusteringKernels } from "../engine/binaries/clustering.ts";
import { searchKernels } from "../engine/binaries/search.ts";
import type { Scope } from "../engine/memory.ts";
import type { Pool } from "../engine/pool.ts";
import { packCodebook } from "../search/packedCodebook.ts";
import { filterScratch } from "../search/pruning/filterCodebook.ts";
import { fastestPruning } from "../search/pruning/pruningChoice.ts";
import { fastestTile, nearestScratch } from "../search/tileChoice.ts";
import { type ClusteringOptions, DRAW_BLOCK, drawRow, fillEmptyClusters } from "./clustering.ts";
import type { ClusteringPart } from "./sharedClustering.ts";

/** Rows that a thread searches at a time, and bytes of them that fit the second-level cache. */
const BLOCK_ROWS = 192;
const BLOCK_BYTES = 2 ** 18;

/**
 * k-means on the kernels: the vectors stay in the pool's memory, until `scope` is given back. All
 * steps run inside `exclusive`.
 */
export async function createKernelClustering(
  pool: Pool,
  scope: Scope,
  { dim, clusters, metric, rows }: ClusteringOptions,
): Promise<ClusteringPart> {
  const { form, memory } = pool;
  const tile = await fastestTile(pool, form, dim);
  const { nearest, nearestFiltered } = await pool.load(searchKernels, form);
  const kernels = await pool.load(clusteringKernels, form);
  const shape = { dim, size: clusters, metric, tile, form };
  const book = scope.adopt(await packCodebook(pool, shape));
  const filter = scope.adopt(await fastestPruning(pool, book, form));
  const stats = scope.adopt(await createStats(pool, { dim, codes: clusters, rows }));
  const x = scope.allocate(4 * rows * dim); // [N, D]
  const codes = scope.allocate(4 * clusters * dim); // [K, D]
  const weights = scope.allocate(4 * clusters); // [K], the counts as floats
  const distances = scope.allocate(4 * rows); // [N]
  let indices = scope.allocate(4 * rows); // [N]
  let before = scope.allocate(4 * rows); // [N], the indices of the assignment before
  memory.i32(before, rows).fill(-1);
  const blocks = Math.ceil(rows / DRAW_BLOCK);
  const eachRow = { rows, chunkRows: DRAW_BLOCK, work: 16 * rows * dim };

  const vectorAt = (row: number) => memory.f32(x + 4 * row * dim, dim);
  const putCentroid = (k: number, vector: Float32Array) =>
    memory.f32(codes + 4 * k * dim, dim).set(vector);
  let blockSums = 0;
  /** Takes centroid `k` into the distances to the nearest so far. Returns their sums over blocks, a view. */
  async function approach(k: number): Promise<Float64Array> {
    if (blockSums === 0) blockSums = scope.allocate(8 * blocks);
    await pool.run(kernels.approach, {
      rows: blocks,
      chunkRows: Math.max(1, Math.ceil(blocks / (4 * pool.threads))),
      work: 3 * rows * dim,
      args: [x, rows, dim, codes + 4 * k * dim, distances, blockSums],
    });
    return memory.f64(blockSums, blocks);
  }

  /** Moves the centroids to the means of sums at an address. */
  async function toMeans(counts: Int32Array, sums: number): Promise<void> {
    memory.f32(weights, clusters).set(counts);
    await pool.run(kernels.means, {
      rows: clusters,
      chunkRows: Math.max(1, Math.ceil(clusters / (4 * pool.threads))),
      work: 16 * clusters * dim,
      args: [sums, weights, dim, metric === "cosine" ? 1 : 0, codes],
    });
  }

  return {
    async load(vectors, chosen) {
      if (chosen === undefined) memory.write(x, vectors);
      else {
        const to = memory.f32(x, rows * dim);
        for (const [i, row] of chosen.entries()) {
          to.set(vectors.subarray(row * dim, (row + 1) * dim), i * dim);
        }
      }
      const bad = await pool.run(kernels.countBadRows, { ...eachRow, args: [x, dim] });
      if (bad === 0 && metric === "cosine") {
        await pool.run(kernels.normalizeRows, { ...eachRow, args: [x, dim] });
      }
      return bad;
    },

    async seedAt(chosen) {
      for (const [k, row] of chosen.entries()) putCentroid(k, vectorAt(row));
    },

    async seedApart(next) {
      memory.f32(distances, rows).fill(Number.POSITIVE_INFINITY);
      let row = Math.floor(next() * rows);
      for (let k = 0; k < clusters; k++) {
        putCentroid(k, vectorAt(row));
        if (k === clusters - 1) break;
        const sums = await approach(k);
        row = drawRow(sums, memory.f32(distances, rows), next);
      }
    },

    async assign() {
      await book.set(memory.f32(codes, clusters * dim));
      await filter.update();
      [indices, before] = [before, indices];
      const blockRows = blockOf(rows, pool.threads, dim);
      const integers = await filter.start(rows, "nearest");
      await pool.run(integers === 0 ? nearest : nearestFiltered, {
        rows,
        chunkRows: blockRows,
        work: 2 * rows * dim * clusters,
        scratch:
          integers === 0 ? nearestScratch(dim, blockRows) : filterScratch(dim, blockRows, form),
        args: [book.header, x, indices, distances, blockRows, integers],
      });
      return kernels.countChanged.call(0, rows, 0, indices, before);
    },

    async move(accumulate) {
      if (!accumulate) stats.clear();
      await stats.add(x, indices, rows);
      const assigned = {
        vectors: memory.f32(x, rows * dim),
        indices: memory.i32(indices, rows),
        distances: memory.f32(distances, rows),
        counts: stats.counts,
        sums: memory.f32(stats.sums, clusters * dim),
      };
      fillEmptyClusters(assigned, dim);
      await toMeans(stats.counts, stats.sums);
    },

    centroids: () => memory.f32(codes, clusters * dim).slice(),
    counts: () => stats.counts.slice(),
    inertia: () => memory.f32(distances, rows).reduce((sum, distance) => sum + distance, 0),

    vector: (row) => vectorAt(row).slice(),
    putCentroid,
    approach: async (k) => (await approach(k)).slice(),
    distances: () => memory.f32(distances, rows),
    indices: () => memory.i32(indices, rows),

    async segments() {
      const found: AssignStats[] = [];
      const most = segmentRows(dim);
      for (let first = 0; first < rows; first += most) {
        stats.clear();
        await stats.add(x + 4 * first * dim, indices + 4 * first, Math.min(most, rows - first));
        found.push(stats.read());
      }
      return found;
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
