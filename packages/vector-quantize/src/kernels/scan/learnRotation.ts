import { kmeans } from "../clustering/kmeans.ts";
import { assignStats } from "../codes/assignStats.ts";
import type { Pool } from "../engine/pool.ts";
import { principalAxes } from "./principalAxes.ts";
import { partOfVectors } from "./productParts.ts";
import { rotateVectors } from "./rotateVectors.ts";

const TURNS = 15;
/** Vectors that a rotation is learned from, and for each code. */
const MOST = 8192;
const EACH = 64;
/** Iterations of k-means before the first turn; one in each. */
const FIRST_ITERATIONS = 8;

/** What a rotation is learned for. */
interface RotationOptions {
  readonly dim: number;
  readonly parts: number;
  readonly codebookSize: number;
  readonly seed: number;
  readonly pool: Pool | undefined;
}

/** A rotation, and the squared error of the codes that it was learned with. */
interface Learned {
  readonly rotation: Float32Array;
  readonly error: number;
}

/** The rotation `[D, D]` by which product codes of `x R` lie nearest to it: from two starts, the better one. */
export async function learnRotation(
  vectors: Float32Array,
  options: RotationOptions,
): Promise<Float32Array> {
  const { dim, codebookSize } = options;
  const sample = vectors.subarray(0, Math.max(MOST, EACH * codebookSize) * dim);
  const asItIs = await learnFrom(identity(dim), sample, options);
  const dealt = await learnFrom(balancedAxes(sample, options), sample, options);
  return (dealt.error < asItIs.error ? dealt : asItIs).rotation;
}

async function learnFrom(
  start: Float32Array,
  vectors: Float32Array,
  options: RotationOptions,
): Promise<Learned> {
  const { dim, pool } = options;
  const turn = (x: Float32Array, by: Float32Array) => rotateVectors(x, by, { dim, pool });
  let rotation = start;
  let turned = await turn(vectors, rotation);
  let books: Float32Array[] = [];
  let error = Number.POSITIVE_INFINITY;
  for (let i = 0; i <= TURNS; i++) {
    const fitted = await fitTurn(turned, books, options);
    books = fitted.books;
    error = fitted.error;
    if (i === TURNS) break;
    const by = await nearestRotation(fitted.products, options);
    rotation = await turn(rotation, by);
    turned = await turn(turned, by);
  }
  return { rotation, error };
}

/** Codebooks a step further, their error, and the products `[D, D]` of the vectors with what codes stand for. */
async function fitTurn(
  vectors: Float32Array,
  before: readonly Float32Array[],
  { dim, parts, codebookSize, seed, pool }: RotationOptions,
) {
  const width = dim / parts;
  const where = pool && { pool };
  const books: Float32Array[] = [];
  const products = new Float32Array(dim * dim);
  let error = 0;
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
    for (const distance of fitted.distances) error += distance;
    const { sums } = await assignStats(vectors, labels, { dim, codes: codebookSize, ...where });
    for (let code = 0; code < codebookSize; code++) {
      for (let row = 0; row < dim; row++) {
        const sum = sums[code * dim + row]!;
        const to = row * dim + part * width;
        for (let i = 0; i < width; i++) products[to + i]! += sum * centroids[code * width + i]!;
      }
    }
  }
  return { books, error, products };
}

/**
 * The rotation nearest to a matrix, its polar factor, by matrix products alone: steps of fifth degree that bring
 * small singular values up, then Newton and Schulz's. A thousandth of the identity keeps directions without
 * any vectors where they are.
 */
async function nearestRotation(
  matrix: Float32Array,
  { dim, pool }: RotationOptions,
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
function balancedAxes(vectors: Float32Array, { dim, parts }: RotationOptions): Float32Array {
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

function covarianceOf(vectors: Float32Array, dim: number): Float64Array {
  const rows = vectors.length / dim;
  const mean = new Float64Array(dim);
  for (let at = 0; at < vectors.length; at++) mean[at % dim]! += vectors[at]! / rows;
  const covariance = new Float64Array(dim * dim);
  const apart = new Float64Array(dim);
  for (let first = 0; first < vectors.length; first += dim) {
    for (let i = 0; i < dim; i++) apart[i] = vectors[first + i]! - mean[i]!;
    for (let i = 0; i < dim; i++) {
      const value = apart[i]! / rows;
      for (let j = 0; j <= i; j++) covariance[i * dim + j]! += value * apart[j]!;
    }
  }
  for (let i = 0; i < dim; i++) {
    for (let j = 0; j < i; j++) covariance[j * dim + i] = covariance[i * dim + j]!;
  }
  return covariance;
}
