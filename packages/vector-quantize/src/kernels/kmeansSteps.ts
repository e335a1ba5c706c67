import { createStats, segmentRows } from "./assignStats.ts";
import { gatherBinary } from "./binaries/gather.wasm.ts";
import { kmeansBinary } from "./binaries/kmeans.wasm.ts";
import { nearestBinary } from "./binaries/nearest.wasm.ts";
import { nearestShortBinary } from "./binaries/nearestShort.wasm.ts";
import { packCodebook } from "./codebook.ts";
import type { Pool } from "./pool.ts";
import { shortCodebookIfFaster } from "./shortChoice.ts";
import { shortScratch } from "./shortCodebook.ts";
import { fastestTile, nearestScratch } from "./tileChoice.ts";

export type ClusterMetric = "euclidean" | "cosine";

/** The steps of k-means on vectors that stay in the pool's memory. All run inside `exclusive`. */
export interface Clustering {
  /**
   * Brings the vectors in: those of the given rows, or all. Returns how many are not finite.
   * For "cosine" they are scaled to length 1.
   */
  load(vectors: Float32Array, rows?: Int32Array): Promise<number>;
  /** Starts the centroids at these vectors. */
  seedAt(rows: Int32Array): Promise<void>;
  /** Starts them by k-means++. */
  seedApart(next: () => number): Promise<void>;
  /** Finds each vector's nearest centroid. Returns how many differ from the time before. */
  assign(): Promise<number>;
  /** Moves the centroids to the means; with `accumulate`, of the vectors of earlier moves too. */
  move(accumulate: boolean): Promise<void>;
  centroids(): Float32Array<ArrayBuffer>;
  counts(): Int32Array<ArrayBuffer>;
  inertia(): number;
  free(): void;
}

export interface ClusteringOptions {
  readonly dim: number;
  readonly clusters: number;
  readonly metric: ClusterMetric;
  /** Vectors that are held at a time. */
  readonly rows: number;
}

/** As in `assembly/kmeans.ts`. */
const BLOCK = 256;
/** Rows that a thread searches at a time, and bytes of them that fit the second-level cache. */
const BLOCK_ROWS = 192;
const BLOCK_BYTES = 2 ** 18;

export async function createClustering(
  pool: Pool,
  { dim, clusters, metric, rows }: ClusteringOptions,
): Promise<Clustering> {
  const { form, memory } = pool;
  const tile = await fastestTile(pool, form, dim);
  const { nearest } = await pool.load(nearestBinary, form);
  const { nearestShort } = await pool.load(nearestShortBinary, form);
  const { gather } = await pool.load(gatherBinary, form);
  const kernels = await pool.load(kmeansBinary, form);
  const regions: number[] = [];
  const region = (bytes: number) => {
    const start = memory.allocate(bytes);
    regions.push(start);
    return start;
  };
  const book = await packCodebook(pool, { dim, size: clusters, metric, tile, form });
  const short = await shortCodebookIfFaster(pool, book, form);
  const segment = Math.min(rows, segmentRows(dim));
  const stats = await createStats(pool, { dim, codes: clusters, rows: segment });
  const x = region(4 * rows * dim); // [N, D]
  const codes = region(4 * clusters * dim); // [K, D]
  const weights = region(4 * clusters); // [K], the counts as floats
  const distances = region(4 * rows); // [N]
  let indices = region(4 * rows); // [N]
  let before = region(4 * rows); // [N], the indices of the assignment before
  memory.i32(before, rows).fill(-1);
  const blocks = Math.ceil(rows / BLOCK);
  const eachRow = { rows, chunkRows: BLOCK, work: 16 * rows * dim };

  /** Gives every cluster without vectors the vector farthest from its centroid. */
  function fillEmpty(): void {
    const { counts } = stats;
    const empty: number[] = [];
    for (let k = 0; k < clusters; k++) if (counts[k] === 0) empty.push(k);
    if (empty.length === 0) return;
    const far = memory.f32(distances, rows);
    const owner = memory.i32(indices, rows);
    const sums = memory.f32(stats.sums, clusters * dim);
    const vectors = memory.f32(x, rows * dim);
    const order = farthest(far, empty.length + clusters);
    for (const row of order) {
      const k = empty[0];
      if (k === undefined || !(far[row]! > 0)) return;
      const from = owner[row]!;
      if (counts[from]! < 2) continue;
      empty.shift();
      counts[from]!--;
      counts[k] = 1;
      for (let d = 0; d < dim; d++) {
        const value = vectors[row * dim + d]!;
        sums[from * dim + d]! -= value;
        sums[k * dim + d] = value;
      }
      owner[row] = k;
    }
  }

  return {
    async load(vectors, chosen) {
      if (chosen === undefined) memory.f32(x, rows * dim).set(vectors);
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
      memory.i32(indices, clusters).set(chosen);
      gather.call(0, clusters, 0, x, rows, dim, indices, codes);
    },

    async seedApart(next) {
      const sums = region(8 * blocks);
      memory.f32(distances, rows).fill(Number.POSITIVE_INFINITY);
      let row = Math.floor(next() * rows);
      for (let k = 0; k < clusters; k++) {
        const code = codes + 4 * k * dim;
        memory.f32(code, dim).set(memory.f32(x + 4 * row * dim, dim));
        if (k === clusters - 1) break;
        await pool.run(kernels.approach, {
          rows: blocks,
          chunkRows: Math.max(1, Math.ceil(blocks / (4 * pool.threads))),
          work: 3 * rows * dim,
          args: [x, rows, dim, code, distances, sums],
        });
        row = drawn(memory.f64(sums, blocks), memory.f32(distances, rows), next);
      }
    },

    async assign() {
      await book.set(memory.f32(codes, clusters * dim));
      await short.update();
      [indices, before] = [before, indices];
      const blockRows = blockOf(rows, pool.threads, dim);
      const scratch = short.address === 0 ? nearestScratch : shortScratch;
      await pool.run(short.address === 0 ? nearest : nearestShort, {
        rows,
        chunkRows: blockRows,
        work: 2 * rows * dim * clusters,
        scratch: scratch(dim, blockRows),
        args: [book.header, x, indices, distances, blockRows, short.address],
      });
      return kernels.countChanged.call(0, rows, 0, indices, before);
    },

    async move(accumulate) {
      if (!accumulate) stats.clear();
      for (let first = 0; first < rows; first += segment) {
        const count = Math.min(segment, rows - first);
        await stats.add(x + 4 * first * dim, indices + 4 * first, count);
      }
      fillEmpty();
      memory.f32(weights, clusters).set(stats.counts);
      await pool.run(kernels.means, {
        rows: clusters,
        chunkRows: Math.max(1, Math.ceil(clusters / (4 * pool.threads))),
        work: 16 * clusters * dim,
        args: [stats.sums, weights, dim, metric === "cosine" ? 1 : 0, codes],
      });
    },

    centroids: () => memory.f32(codes, clusters * dim).slice(),
    counts: () => stats.counts.slice(),
    inertia: () => memory.f32(distances, rows).reduce((sum, distance) => sum + distance, 0),
    free() {
      book.free();
      short.free();
      stats.free();
      for (const start of regions) memory.free(start);
    },
  };
}

/** Rows of a block: a multiple of 12, which all tile heights divide, and several for each thread. */
function blockOf(rows: number, threads: number, dim: number): number {
  const most = Math.min(BLOCK_ROWS, BLOCK_BYTES / (4 * dim), rows / (8 * threads));
  return Math.max(12, Math.floor(most / 12) * 12);
}

/** The rows at the largest distances, at most `most` of them, the farthest first. */
function farthest(distances: Float32Array, most: number): number[] {
  const limit = distances.slice().sort()[Math.max(0, distances.length - most)]!;
  const rows: number[] = [];
  for (let n = 0; n < distances.length; n++) if (distances[n]! >= limit) rows.push(n);
  return rows.sort((a, b) => distances[b]! - distances[a]! || a - b);
}

/** A row drawn with probability proportional to `weights`, whose sums over blocks are `sums`. */
function drawn(sums: Float64Array, weights: Float32Array, next: () => number): number {
  let total = 0;
  for (const sum of sums) total += sum;
  let rest = next() * total;
  let block = 0;
  while (block < sums.length - 1 && rest >= sums[block]!) rest -= sums[block++]!;
  const last = Math.min((block + 1) * BLOCK, weights.length) - 1;
  let row = block * BLOCK;
  while (row < last && rest >= weights[row]!) rest -= weights[row++]!;
  return row;
}
