/** The steps of k-means, on the kernels (`kernelClustering.ts`) or without (`clustering.reference.ts`). */
import type { Masses } from "./draws.ts";

export type ClusterMetric = "euclidean" | "cosine";

export interface Clustering {
  /**
   * The rows of the vectors that the steps are about from now on, or all. For "cosine" they are taken at
   * length 1.
   */
  choose(rows?: Int32Array): void;
  /** Starts the centroids from `first` on at these vectors. */
  seedAt(rows: Int32Array, first: number): Promise<void>;
  /** Starts all centroids at these. */
  startAt(centroids: Float32Array): Promise<void>;
  /** What draws go by: the vectors' weights times distances that begin at what they are filled with. */
  readonly masses: Masses;
  /** Takes the centroids `from` to `to` into these distances, to the nearest so far. */
  approach(from: number, to: number): Promise<void>;
  /** Finds each vector's nearest centroid. Returns how many differ from the time before. */
  assign(): Promise<number>;
  /** Moves the centroids to the means; with `accumulate`, of the vectors of earlier moves too. */
  move(accumulate: boolean): Promise<void>;
  centroids(): Float32Array<ArrayBuffer>;
  /** The weights that the centroids are the means of. */
  counts(): Float64Array<ArrayBuffer>;
  /** What `assign` found for the vectors of this process. */
  labels(): Int32Array<ArrayBuffer>;
  distances(): Float32Array<ArrayBuffer>;
  /** The sum of the distances times the weights. */
  inertia(): number | Promise<number>;
}

/** Told of work that is done: a share of a step, that all of it adds up to 1. */
export type Tick = (share: number) => void | Promise<void>;

export interface ClusteringOptions {
  readonly dim: number;
  readonly clusters: number;
  readonly metric: ClusterMetric;
  readonly vectors: Float32Array; // [N, D]
  readonly weights?: Float32Array | undefined; // [N]
  /** Most vectors that are chosen at a time, but at the end. */
  readonly rows: number;
  readonly tick: Tick;
}

/** Which rows of all are chosen, and what they weigh. */
export class Chosen {
  rows: Int32Array | undefined;
  /** Of those that are chosen; undefined: 1 each. */
  weights: Float32Array | undefined;
  readonly #all: number;
  readonly #weights: Float32Array | undefined;

  constructor({ vectors, weights, dim }: ClusteringOptions) {
    this.#all = vectors.length / dim;
    this.#weights = weights;
  }

  choose(rows: Int32Array | undefined): void {
    const all = this.#weights;
    this.rows = rows;
    this.weights = rows && all ? Float32Array.from(rows, (row) => all[row]!) : all;
  }

  get count(): number {
    return this.rows?.length ?? this.#all;
  }

  /** The number among all of the `n`-th that is chosen. */
  rowOf(n: number): number {
    return this.rows?.[n] ?? n;
  }
}

/** What clusters have: vectors that weigh something, and their weights. */
export interface Tally {
  readonly members: Int32Array<ArrayBuffer>; // [K]
  readonly counts: Float64Array<ArrayBuffer>; // [K]
}

export function emptyTally(clusters: number): Tally {
  return { members: new Int32Array(clusters), counts: new Float64Array(clusters) };
}

/** Adds vectors to the clusters that they are in, one after another. */
export function addToTally(
  { members, counts }: Tally,
  labels: Int32Array,
  weights: Float32Array | undefined,
): void {
  for (let n = 0; n < labels.length; n++) {
    const weight = weights === undefined ? 1 : weights[n]!;
    if (weight === 0) continue;
    members[labels[n]!]!++;
    counts[labels[n]!]! += weight;
  }
}

/** `start` and the distances times the weights, one after another. */
export function addInertia(
  start: number,
  distances: Float32Array,
  weights: Float32Array | undefined,
): number {
  let sum = start;
  for (let n = 0; n < distances.length; n++) {
    sum += weights === undefined ? distances[n]! : distances[n]! * weights[n]!;
  }
  return sum;
}

/** A vector that is among the farthest from their centroids. */
export interface Candidate {
  readonly row: number;
  /** Its cluster. */
  readonly from: number;
  readonly distance: number;
  readonly weight: number;
}

/** A vector that a cluster without any gets: from which cluster, and to which. */
export interface Filler extends Candidate {
  readonly to: number;
}

/**
 * The vectors that clusters without any get: the first of them the vector farthest from its centroid, the
 * second the second farthest, and so on; not one that is alone in its cluster, and none of those that lie on
 * theirs or weigh nothing. The tally follows.
 *
 * @param candidates the farthest first
 */
export function chooseFillers(candidates: Iterable<Candidate>, tally: Tally): Filler[] {
  const { members, counts } = tally;
  const empty = emptyClusters(tally);
  const chosen: Filler[] = [];
  let at = 0;
  for (const candidate of candidates) {
    const { from, weight } = candidate;
    const to = empty[at];
    if (to === undefined) break;
    if (members[from]! < 2) continue;
    at++;
    members[from]!--;
    members[to] = 1;
    counts[from]! -= weight;
    counts[to] = weight;
    chosen.push({ ...candidate, to });
  }
  return chosen;
}

export function emptyClusters({ members }: Tally): number[] {
  return [...members.keys()].filter((k) => members[k] === 0);
}

/** Moves these vectors from the sums of their clusters to those that they go to. */
export function moveFillers(
  moves: readonly Filler[],
  vectors: Float32Array, // [moves, D]
  sums: Float32Array, // [K, D]
): void {
  const dim = vectors.length / moves.length;
  for (const [i, { from, to, weight }] of moves.entries()) {
    for (let d = 0; d < dim; d++) {
      const value = Math.fround(weight * vectors[i * dim + d]!);
      sums[from * dim + d]! -= value;
      sums[to * dim + d] = value;
    }
  }
}

/** The `wanted` vectors that are farthest from their centroids, the farthest first; none that lies on its. */
export function* farthest(
  wanted: number,
  labels: Int32Array,
  distances: Float32Array,
  weights: Float32Array | undefined,
): Generator<Candidate> {
  const weightOf = (n: number) => (weights === undefined ? 1 : weights[n]!);
  const weighed = distances.slice();
  for (let n = 0; n < weighed.length; n++) if (weightOf(n) === 0) weighed[n] = 0;
  weighed.sort();
  const limit = weighed[Math.max(0, weighed.length - wanted)]!;
  const counts = (n: number) => distances[n]! >= limit && distances[n]! > 0 && weightOf(n) > 0;
  let count = 0;
  for (let n = 0; n < labels.length; n++) count += counts(n) ? 1 : 0;
  const rows = new Int32Array(count);
  for (let n = 0, at = 0; n < labels.length; n++) if (counts(n)) rows[at++] = n;
  rows.sort((a, b) => distances[b]! - distances[a]! || a - b);
  for (const row of rows.subarray(0, wanted)) {
    yield { row, from: labels[row]!, distance: distances[row]!, weight: weightOf(row) };
  }
}

/** Scales a row to length 1; a row of zeros stays. */
export function normalize(row: Float32Array): void {
  let squares = 0;
  for (const value of row) squares += value * value;
  if (squares === 0) return;
  const scale = 1 / Math.sqrt(squares);
  for (let d = 0; d < row.length; d++) row[d]! *= scale;
}
