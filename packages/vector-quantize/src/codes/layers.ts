import { checkInteger, expected, VectorQuantizeError } from "../errors.ts";

/** One layer of codes: what a position has one index of. */
export interface CodeLayer {
  /** Codebook size: indices are below it; -1 stands for none. From 1 to 2^31. */
  readonly size: number;
  /**
   * Levels of codes that are computed, the fastest first: FSQ's `levels`; for LFQ, whose bits may be
   * taken together, eights and what is left. Their product is `size`. Such codes are coded digit by digit.
   */
  readonly levels?: readonly number[];
  /**
   * The place of each code in an order in which neighbours are alike, `[size]`: from `treeOrder`. Codes
   * get 3 to 5 % smaller. Not together with `levels`. Default: as they are numbered.
   */
  readonly order?: Uint32Array;
}

/** Most layers of a file. */
export const mostLayers = 4096;
/** Largest codebook. */
export const mostCodes = 2 ** 31;
/** Largest codebook that an order may be given for. */
const mostOrdered = 2 ** 20;

/** Throws unless these are layers. */
export function checkCodeLayers(where: string, layers: readonly CodeLayer[]): void {
  if (!Array.isArray(layers) || layers.length === 0 || layers.length > mostLayers) {
    throw expected(where, `a list of 1 to ${mostLayers} layers`, layers);
  }
  layers.forEach((layer, q) => {
    checkLayer(`${where}[${q}]`, layer);
  });
}

function checkLayer(where: string, layer: CodeLayer): void {
  if (typeof layer !== "object" || layer === null) throw expected(where, "{ size, ... }", layer);
  const { size, levels, order } = layer;
  checkInteger(`${where}.size`, size, 1, mostCodes);
  if (levels !== undefined) checkLevelsOf(where, size, levels);
  if (order === undefined) return;
  if (levels !== undefined) throw expected(`${where}.order`, "none beside levels", order);
  if (size > mostOrdered) throw expected(`${where}.size`, `at most ${mostOrdered} in order`, size);
  if (!(order instanceof Uint32Array) || order.length !== size) {
    throw expected(`${where}.order`, `a Uint32Array of ${size} places`, order);
  }
  const taken = new Uint8Array(size);
  order.forEach((place, code) => {
    if (place >= size || taken[place] === 1) {
      throw expected(`${where}.order[${code}]`, `a place below ${size} of its own`, place);
    }
    taken[place] = 1;
  });
}

function checkLevelsOf(where: string, size: number, levels: readonly number[]): void {
  if (!Array.isArray(levels) || levels.length === 0 || levels.length > 64) {
    throw expected(`${where}.levels`, "a list of 1 to 64 numbers", levels);
  }
  levels.forEach((level, d) => {
    checkInteger(`${where}.levels[${d}]`, level, 1, mostCodes);
  });
  const product = levels.reduce((a, b) => a * b, 1);
  if (product !== size) throw expected(`${where}.levels`, `a product of ${size}`, levels);
}

/** A layer made ready. */
export interface ReadyLayer extends CodeLayer {
  /** The code of each place: `order` turned round. */
  readonly codeAt?: Uint32Array;
}

/** Layers made ready, once for many grids. */
export function readyLayers(layers: readonly CodeLayer[]): ReadyLayer[] {
  return layers.map((layer) => {
    const { order } = layer;
    if (order === undefined) return layer;
    const codeAt = new Uint32Array(order.length);
    order.forEach((place, code) => {
      codeAt[place] = code;
    });
    return { ...layer, codeAt };
  });
}

/** What `codeLayers` looks at: every `Quantizer` is one. */
export interface SizedQuantizer {
  readonly codebookSizes: readonly number[];
  readonly config: { readonly type: string; readonly [option: string]: unknown };
}

/**
 * The layers of a quantizer's codes, with levels where the codes are computed from them.
 *
 * @param orders the order of each layer's codes, from `treeOrder`; undefined where there is none.
 * @throws VectorQuantizeError if an order doesn't fit its codebook.
 */
export function codeLayers(
  { codebookSizes, config }: SizedQuantizer,
  orders: readonly (Uint32Array | undefined)[] = [],
): CodeLayer[] {
  const layers = codebookSizes.map((size, q): CodeLayer => {
    const levels = levelsOf(config, size);
    if (levels) return { size, levels };
    const order = orders[q];
    return order ? { size, order } : { size };
  });
  checkCodeLayers("codeLayers", layers);
  return layers;
}

function levelsOf({ levels, type }: SizedQuantizer["config"], size: number): number[] | undefined {
  if (Array.isArray(levels) && levels.reduce((a, b) => a * b, 1) === size) return levels;
  const binary = /^(residual|groupedResidual)?lfq$/i.test(type);
  return binary && size > 1 ? octalLevels(size) : undefined;
}

/** The bits of a power of two by threes: smaller than bit by bit, and faster. */
function octalLevels(size: number): number[] | undefined {
  const levels: number[] = [];
  let rest = size;
  for (; rest % 8 === 0; rest /= 8) levels.push(8);
  if (rest === 1) return levels;
  return rest === 2 || rest === 4 ? [...levels, rest] : undefined;
}

/** Throws unless these are the sides of up to 8 axes. */
export function checkSideLengths(where: string, sides: readonly number[]): void {
  if (!Array.isArray(sides) || sides.length > mostGridAxes) {
    throw expected(where, `a list of up to ${mostGridAxes} sides`, sides);
  }
  for (const side of sides) checkInteger(where, side, 0, mostCodes);
}

/** Throws unless this is a shape of codes. */
export function checkGrid(where: string, shape: readonly number[]): void {
  checkSideLengths(where, shape);
  if (positionsOf(shape) > mostPositions) {
    throw new VectorQuantizeError(`${where}: expected up to 2^30 positions, got [${shape}]`);
  }
}

const mostGridAxes = 8;
/** Most positions that are coded together. */
const mostPositions = 2 ** 30;

/** How many positions a grid has. */
export const positionsOf = (grid: readonly number[]) => grid.reduce((a, b) => a * b, 1);

/**
 * The codes of one layer out of `[positions, layers]`.
 *
 * @throws VectorQuantizeError for what is no index of the layer.
 */
export function columnOf(
  where: string,
  codes: ArrayLike<number>,
  layers: readonly CodeLayer[],
  q: number,
): Int32Array {
  const column = new Int32Array(codes.length / layers.length);
  const { size } = layers[q]!;
  for (let i = 0, at = q; i < column.length; i++, at += layers.length) {
    const code = codes[at]!;
    if (!(code >= -1 && code < size && Number.isInteger(code))) {
      throw expected(`${where}: codes[${at}]`, `an integer from -1 to ${size - 1}`, code);
    }
    column[i] = code;
  }
  return column;
}
