import { checkInteger, checkKnownOptions, checkNumber, expected } from "../errors.ts";
import { checkFloats } from "../kernels/arguments.ts";
import type { Search } from "../kernels/search/search.ts";
import { lazy } from "../lazy.ts";
import { chooseCodes, type LayerOfCodes, tablesFor } from "./codeLayer.ts";
import { byPosition } from "./codesToBytes.ts";
import { Grouping } from "./grouping.ts";
import { type CodeLayer, checkCodeLayers, checkGrid, positionsOf } from "./layers.ts";
import type { Mixer } from "./mixer.ts";
import { checkPrior, type VqPrior } from "./prior.ts";
import type { PrimedLayer } from "./segment.ts";
import { mostGroup } from "./writer.ts";

const searchModule = lazy(() => import("../kernels/search/createSearch.ts"));

/** What `createRdoEncoder` takes. */
export interface RdoOptions {
  /** Layers of the codes, as the file or `codesToBytes` will have them; without `levels` or with. */
  readonly layers: readonly CodeLayer[];
  /** The codes of each layer, `[K, dim]` one after another, as `comparison` of a quantizer gives them. */
  readonly codebooks: readonly Float32Array[];
  /** Features of a code and of a vector. */
  readonly dim: number;
  /**
   * What a bit is worth in squared distance, as a multiple of `mean |x - nearest code|^2` over the picture's vectors `x` in a
   * layer. 0.05 is a beginning; 0 gives the nearest codes, whatever their bits.
   */
  readonly lambda: number;
  /** The prior that the codes will be coded behind. Default: none. */
  readonly prior?: VqPrior;
  /** As of `createVqWriter`. Default 65536. */
  readonly groupPositions?: number;
}

/** Finds codes that are near and take few bits. */
export interface RdoEncoder {
  /**
   * The codes of a picture. Of several, one call at a time, in the order in which they are written: what the
   * codes of a group have told counts for the next ones.
   *
   * @param vectors `[...shape, dim]`; overwritten by what the codes leave of them
   * @param shape of the codes of one layer
   * @returns indices `[...shape, Q]`
   * @throws VectorQuantizeError if a vector is not finite, or they don't fit the shape
   */
  encode(vectors: Float32Array, shape: readonly number[]): Promise<Int32Array<ArrayBuffer>>;
  /** Gives the memory of the searches back. */
  dispose(): void;
}

/** Codes that are looked at for each vector, the nearest ones. */
const mostCandidates = 16;
/** Vectors that are searched at once. */
const bandRows = 4096;
/** A bit, as costs are told. */
const bit = 65536;

const known = ["layers", "codebooks", "dim", "lambda", "prior", "groupPositions"];

/**
 * Rate-distortion optimised encoding: for each vector `x` the code with the least `|x - c|^2 + lambda error bits(c)`, of the 16
 * nearest; `error` is the mean of what the nearest codes of the picture leave, `bits` is what the coder of `.vq` files would take for it at that place, having seen the codes before. Layers
 * follow one another, each on what the codes before have left. Distances are in float64, bits in whole numbers: the codes are the
 * same on every machine, whatever its threads.
 *
 * ```ts
 * const layers = [{ size: 4 }];
 * const codebooks = [Float32Array.of(0, 0, 0, 1, 1, 0, 1, 1)]; // 4 codes of 2 features
 * const encoder = await createRdoEncoder({ layers, codebooks, dim: 2, lambda: 0.1 });
 * const codes = await encoder.encode(Float32Array.of(0.1, 0, 0.9, 1), [2]);
 * const bytes = codesToBytes(codes, { shape: [2], layers });
 * encoder.dispose();
 * ```
 *
 * @throws VectorQuantizeError for options that don't fit together
 */
export async function createRdoEncoder(options: RdoOptions): Promise<RdoEncoder> {
  const where = "createRdoEncoder";
  checkOptions(where, options);
  const { layers, codebooks, dim, lambda, prior, groupPositions = 65536 } = options;
  const made: ChosenLayer[] = [];
  const dispose = () => {
    for (const { search } of made) search.dispose();
  };
  try {
    const { createSearch } = await searchModule();
    for (const [q, layer] of layers.entries()) {
      const codebook = Float32Array.from(codebooks[q]!);
      const search = await createSearch(codebook, { dim });
      made.push({ layer, codebook, dim, search, groupPositions, lambda });
    }
  } catch (error) {
    dispose();
    throw error;
  }
  const grouping = new Grouping(groupPositions);
  let busy = false;

  async function choose(left: Float32Array, shape: readonly number[]) {
    const { first } = grouping.next(positionsOf(shape));
    const columns: Int32Array[] = [];
    const symbols: Int32Array[] = [];
    for (const [q, own] of made.entries()) {
      const work = begin(own, shape, symbols.slice(-2).reverse(), first, prior?.primed(q));
      columns.push(await chooseLayer(own, work, left));
      symbols.push(work.codes);
    }
    return byPosition(columns);
  }

  return {
    async encode(vectors, shape) {
      checkVectors(vectors, shape, dim);
      if (busy) throw expected("rdo encode", "an encoder that is waited for", "one at work");
      busy = true;
      return choose(vectors, shape).finally(() => {
        busy = false;
      });
    },
    dispose,
  };
}

/** How a layer's codes are chosen. */
interface ChosenLayer {
  readonly layer: CodeLayer;
  readonly codebook: Float32Array; // [K, dim]
  readonly dim: number;
  readonly search: Search;
  readonly groupPositions: number;
  readonly lambda: number;
  /** What has been learned in the group at hand. */
  mixer?: Mixer;
}

/** A picture's codes of a layer, to be chosen; tables are made anew where a group begins. */
function begin(
  own: ChosenLayer,
  shape: readonly number[],
  earlier: readonly Int32Array[],
  first: boolean,
  primed: PrimedLayer | undefined,
): LayerOfCodes & { primed?: Mixer } {
  const { size, levels = [size] } = own.layer;
  const work = {
    ...{ grids: [shape], radix: size, digits: levels, codes: new Int32Array(positionsOf(shape)) },
    earlier: primed && !primed.told ? [] : earlier,
  };
  if (primed) {
    own.mixer ??= primed.tables.copy();
    if (first) own.mixer.restore();
    return { ...work, primed: own.mixer };
  }
  if (first) delete own.mixer;
  own.mixer ??= tablesFor(work, own.groupPositions);
  return work;
}

/** The codes of a layer; `left` becomes what they leave. */
async function chooseLayer(
  own: ChosenLayer,
  work: LayerOfCodes,
  left: Float32Array,
): Promise<Int32Array> {
  const { layer, codebook, dim, search, lambda } = own;
  const { order } = layer;
  const worth = (lambda * (await meanError(own, left))) / bit;
  const positions = work.codes.length;
  const candidates = Math.min(mostCandidates, layer.size);
  const found = new Int32Array(positions);
  for (let from = 0; from < positions; from += bandRows) {
    const to = Math.min(from + bandRows, positions);
    const rows = left.subarray(from * dim, to * dim);
    const { indices } = await search.nearestTopK(rows, candidates);
    chooseCodes(own.mixer as Mixer, work, [from, to], (at, cost) => {
      let best = 0;
      let least = Number.POSITIVE_INFINITY;
      for (let i = (at - from) * candidates, end = i + candidates; i < end; i++) {
        const index = indices[i]!;
        const distance = squaredDistance(left, at * dim, codebook, index * dim, dim);
        if (distance >= least) break; // the others are no nearer, and bits are never below 0
        const total = distance + worth * cost(order ? order[index]! : index);
        if (total < least) [best, least] = [index, total];
      }
      found[at] = best;
      for (let d = 0; d < dim; d++) left[at * dim + d]! -= codebook[best * dim + d]!;
      return order ? order[best]! : best;
    });
  }
  return found;
}

function squaredDistance(
  a: Float32Array,
  atA: number,
  b: Float32Array,
  atB: number,
  dim: number,
): number {
  let sum = 0;
  for (let d = 0; d < dim; d++) {
    const gap = a[atA + d]! - b[atB + d]!;
    sum += gap * gap;
  }
  return sum;
}

/** The mean squared distance of vectors to their nearest codes. */
async function meanError({ codebook, dim, search }: ChosenLayer, vectors: Float32Array) {
  const positions = vectors.length / dim;
  let sum = 0;
  for (let from = 0; from < positions; from += bandRows) {
    const rows = vectors.subarray(from * dim, (from + bandRows) * dim);
    const { indices } = await search.nearest(rows);
    indices.forEach((index, i) => {
      sum += squaredDistance(rows, i * dim, codebook, index * dim, dim);
    });
  }
  return positions === 0 ? 0 : sum / positions;
}

function checkOptions(where: string, options: RdoOptions): void {
  checkKnownOptions(where, options, known);
  const { layers, codebooks, dim, lambda, prior, groupPositions = 1 } = options;
  checkCodeLayers(`${where}: layers`, layers);
  checkInteger(`${where}: dim`, dim);
  checkNumber(`${where}: lambda`, lambda, 0);
  checkInteger(`${where}: groupPositions`, groupPositions, 1, mostGroup);
  if (prior !== undefined) checkPrior(where, prior, layers);
  if (!Array.isArray(codebooks) || codebooks.length !== layers.length) {
    throw expected(`${where}: codebooks`, `one for each of ${layers.length} layers`, codebooks);
  }
  layers.forEach(({ size }, q) => {
    const name = `${where}: codebooks[${q}]`;
    checkFloats(name, codebooks[q]);
    const length = codebooks[q].length;
    if (length !== size * dim) throw expected(name, `${size} codes of ${dim} features`, length);
  });
}

function checkVectors(vectors: Float32Array, shape: readonly number[], dim: number): void {
  const where = "rdo encode";
  checkGrid(`${where}: shape`, shape);
  checkFloats(`${where}: vectors`, vectors);
  const length = positionsOf(shape) * dim;
  if (vectors.length !== length) throw expected(`${where}: vectors`, `${length} numbers`, vectors);
  const wrong = vectors.findIndex((value) => !Number.isFinite(value));
  if (wrong < 0) return;
  throw expected(`${where}: vectors[${wrong}]`, "a finite number", vectors[wrong]);
}
