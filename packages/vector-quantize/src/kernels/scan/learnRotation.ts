import { kmeans } from "../clustering/kmeans.ts";
import { assignStats } from "../codes/assignStats.ts";
import { createSearch } from "../search/createSearch.ts";
import { principalAxes } from "./principalAxes.ts";
import { type PartShape, partOfVectors } from "./productParts.ts";
import { rotateVectors } from "./rotateVectors.ts";
import { sampleRows } from "./sampleRows.ts";
import { meanVector } from "./vectors.ts";

const TURNS = 15;
/** Vectors that a rotation is learned from, and for each code. */
const MOST = 8192;
const EACH = 64;
/** Vectors whose nearest tell which start is better, and how many of these. */
const ASKED = 256;
const NEAREST = 10;
/** Iterations of k-means before the first turn; one in each. */
const FIRST_ITERATIONS = 8;

/** A rotation, and what the codes that it was learned with stand for, `[N, D]`, rotated. */
interface Learned {
  readonly rotation: Float32Array;
  readonly turned: Float32Array;
  readonly decoded: Float32Array;
}

/**
 * The rotation `[D, D]` by which product codes of `x R` lie nearest to it: from two starts, the better one.
 *
 * Better is from where more of a vector's nearest are found among the codes. Their error doesn't tell: where it
 * differs much from vector to vector, it confuses distances the more.
 */
export async function learnRotation(
  vectors: Float32Array,
  options: PartShape,
): Promise<Float32Array> {
  const { dim, codebookSize, seed } = options;
  const most = Math.max(MOST, EACH * codebookSize);
  // Drawn, for files are often in an order.
  const sample = centered(sampleRows(vectors, dim, most, seed), dim);
  const asItIs = await learnFrom(identity(dim), sample, options);
  const dealt = await learnFrom(balancedAxes(sample, options), sample, options);
  const shares = [await shareFound(asItIs, options), await shareFound(dealt, options)];
  return (shares[1]! > shares[0]! ? dealt : asItIs).rotation;
}

async function learnFrom(
  start: Float32Array,
  vectors: Float32Array,
  options: PartShape,
): Promise<Learned> {
  const { dim, pool } = options;
  const turn = (x: Float32Array, by: Float32Array) => rotateVectors(x, by, { dim, pool });
  let rotation = start;
  let turned = await turn(vectors, rotation);
  let fitted = await fitTurn(turned, [], options);
  for (let i = 0; i < TURNS; i++) {
    const by = await nearestRotation(fitted.products, options);
    rotation = await turn(rotation, by);
    turned = await turn(turned, by);
    fitted = await fitTurn(turned, fitted.books, options);
  }
  return { rotation, turned, decoded: decodedBy(fitted, turned.length, options) };
}

/** How many of the nearest vectors of some of them are among the nearest codes, itself included. */
async function shareFound({ turned, decoded }: Learned, { dim, pool }: PartShape): Promise<number> {
  const rows = turned.length / dim;
  const asked = Math.min(ASKED, rows);
  const queries = new Float32Array(asked * dim);
  for (let i = 0; i < asked; i++) {
    const from = Math.floor((i * rows) / asked) * dim;
    queries.set(turned.subarray(from, from + dim), i * dim);
  }
  const k = Math.min(NEAREST, rows);
  const nearest = async (among: Float32Array) => {
    const search = await createSearch(among, { dim, ...(pool && { pool }) });
    try {
      return (await search.nearestTopK(queries, k)).indices;
    } finally {
      search.dispose();
    }
  };
  const [truth, found] = [await nearest(turned), await nearest(decoded)];
  let right = 0;
  for (let first = 0; first < truth.length; first += k) {
    const own = new Set(truth.subarray(first, first + k));
    for (let i = first; i < first + k; i++) if (own.has(found[i]!)) right++;
  }
  return right / truth.length;
}

/** What the codes of all parts stand for, `[N, D]`. */
function decodedBy(
  { books, labels }: { readonly books: readonly Float32Array[]; readonly labels: Int32Array[] },
  length: number,
  { dim, parts }: PartShape,
): Float32Array {
  const width = dim / parts;
  const decoded = new Float32Array(length);
  for (let part = 0; part < parts; part++) {
    const [book, own] = [books[part]!, labels[part]!];
    for (let n = 0; n < own.length; n++) {
      const [from, to] = [own[n]! * width, n * dim + part * width];
      for (let i = 0; i < width; i++) decoded[to + i] = book[from + i]!;
    }
  }
  return decoded;
}

/** Codebooks a step further, the vectors' codes, and the products `[D, D]` of vectors with what these stand for. */
async function fitTurn(
  vectors: Float32Array,
  before: readonly Float32Array[],
  { dim, parts, codebookSize, seed, pool }: PartShape,
) {
  const width = dim / parts;
  const where = pool && { pool };
  const books: Float32Array[] = [];
  const products = new Float32Array(dim * dim);
  const codes: Int32Array[] = [];
  for (let part = 0; part < parts; part++) {
    const init = before[part];
    const fitted = await kmeans(partOfVectors(vectors, dim, width, part), {
      dim: width,
      clusters: codebookSize,
      iterations: init ? 1 : FIRST_ITERATIONS,
      seed,
      labels: true,
      ...(init && { init }),
      ...where,
    });
    const { centroids, labels } = fitted;
    books.push(centroids);
    codes.push(labels);
    const { sums } = await assignStats(vectors, labels, { dim, codes: codebookSize, ...where });
    for (let code = 0; code < codebookSize; code++) {
      for (let row = 0; row < dim; row++) {
        const sum = sums[code * dim + row]!;
        const to = row * dim + part * width;
        for (let i = 0; i < width; i++) products[to + i]! += sum * centroids[code * width + i]!;
      }
    }
  }
  return { books, labels: codes, products };
}

/**
 * The rotation nearest to a matrix, its polar factor, by matrix products alone: steps of fifth degree that bring
 * small singular values up, then Newton and Schulz's. A thousandth of the identity keeps directions without
 * any vectors where they are.
 */
async function nearestRotation(
  matrix: Float32Array,
  { dim, pool }: PartShape,
): Promise<Float32Array> {
  const size = Math.sqrt(matrix.reduce((sum, value) => sum + value * value, 0));
  if (!(size > 0)) return identity(dim);
  const still = 1e-3 / Math.sqrt(dim);
  let z = matrix.map((value, i) => value / size + (i % (dim + 1) === 0 ? still : 0));
  for (const [a, b, c] of steps) {
    const square = await rotateVectors(transposed(z, dim), z, { dim, pool }); // Z' Z
    const fourth = c === 0 ? square : await rotateVectors(square, square, { dim, pool });
    const by = square.map((value, i) => b * value + c * fourth[i]! + (i % (dim + 1) === 0 ? a : 0));
    z = (await rotateVectors(z, by, { dim, pool })) as Float32Array<ArrayBuffer>;
  }
  return z;
}

/** Polynomials `a s + b s^3 + c s^5` of singular values s: Jordan's (2024) for eight steps, then cubic ones. */
const steps: readonly (readonly [number, number, number])[] = [
  ...Array(8).fill([3.4445, -4.775, 2.0315]),
  ...Array(8).fill([1.5, -0.5, 0]),
];

function identity(dim: number): Float32Array {
  return Float32Array.from({ length: dim * dim }, (_, i) => (i % (dim + 1) === 0 ? 1 : 0));
}

function transposed(matrix: Float32Array, dim: number): Float32Array {
  return matrix.map((_, i) => matrix[(i % dim) * dim + Math.floor(i / dim)]!);
}

/** Principal axes of vectors, dealt out so that the variances of the parts multiply to about the same. */
function balancedAxes(vectors: Float32Array, { dim, parts }: PartShape): Float32Array {
  const { axes, values } = principalAxes(covarianceOf(vectors, dim), dim);
  const rotation = new Float32Array(dim * dim);
  const width = dim / parts;
  const least = Math.max(values[dim - 1]!, 1e-12 * values[0]!, Number.MIN_VALUE);
  const filled = new Int32Array(parts);
  const logs = new Float64Array(parts);
  for (const [axis, value] of values.entries()) {
    let best = -1;
    for (let part = 0; part < parts; part++) {
      if (filled[part] === width) continue;
      if (best < 0 || logs[part]! < logs[best]!) best = part;
    }
    const column = best * width + filled[best]!++;
    logs[best]! += Math.log(Math.max(1, value / least)); // each makes a part fuller
    for (let row = 0; row < dim; row++) {
      rotation[row * dim + column] = axes[row * dim + axis]!;
    }
  }
  return rotation;
}

/** Less their mean, which would outweigh every other direction, and which codes take up anyway. */
function centered(vectors: Float32Array, dim: number): Float32Array {
  const mean = meanVector(vectors, dim);
  return vectors.map((value, at) => value - mean[at % dim]!);
}

/** Of centered vectors. */
function covarianceOf(vectors: Float32Array, dim: number): Float64Array {
  const rows = vectors.length / dim;
  const covariance = new Float64Array(dim * dim);
  for (let first = 0; first < vectors.length; first += dim) {
    for (let i = 0; i < dim; i++) {
      const value = vectors[first + i]! / rows;
      for (let j = 0; j <= i; j++) covariance[i * dim + j]! += value * vectors[first + j]!;
    }
  }
  for (let i = 0; i < dim; i++) {
    for (let j = 0; j < i; j++) covariance[j * dim + i] = covariance[i * dim + j]!;
  }
  return covariance;
}
