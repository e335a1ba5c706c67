import { type Gpu, gpu, MOST_GROUPS, Scratch, USAGE } from "../gpu.ts";
import { MOST_FEATURES } from "./bounds.ts";
import { nearestShader } from "./nearestShader.ts";
import { type SearchCall, searchCall } from "./prelude.ts";
import {
  copyRows,
  fillRows,
  GROUP_ROWS,
  measureCodes,
  measureRows,
  settleRound,
  settleRows,
  subtractCodes,
} from "./rowShaders.ts";

/** A codebook on the device. */
export interface LayerOnDevice {
  readonly codes: GPUBuffer; // [K, D]
  /** What is taken off vectors and codes before they are compared; zeros for `cosine`. */
  readonly origin: GPUBuffer; // [D]
  readonly size: number;
}

/** A search of vectors in layers, each on what those before left, all on the device. */
export interface LayerSearch {
  readonly vectors: GPUBuffer; // [N, D]
  readonly rows: number;
  readonly dim: number;
  readonly layers: readonly LayerOnDevice[];
  /** Of a single layer so many codes are found, the nearest first, a round each. */
  readonly rounds: number;
  readonly euclidean: boolean;
  /** Where the indices go: int32 `[N, columns]`; columns without a layer or round stay as they are. */
  readonly indices: GPUBuffer;
  readonly columns: number;
}

/** Decides rows `[n, D]` elsewhere: their indices in all layers or rounds, `[n, layers]`. */
export type Decide = (rows: Float32Array<ArrayBuffer>) => Promise<Int32Array<ArrayBuffer>>;

/** Products of a submission: some tenths of a second on a slow card, after seconds systems reset it. */
const MOST_WORK = 2 ** 35;
/** Rows of a submission. */
const MOST_ROWS = 2 ** 20;
/** Workgroups that keep a large card busy. */
const BUSY_GROUPS = 512;

/** Rows and codes from which on a large tile is worth its while. */
const LARGE = 4096;

const tileOf = (quads: 1 | 2) => ({
  first: nearestShader(quads),
  next: nearestShader(quads, true),
  side: 64 * quads,
});
const tiles = [tileOf(1), tileOf(2)] as const;
const shaders = [measureCodes, measureRows, subtractCodes, copyRows, fillRows];

/** Whether the error bound of the shaders holds for vectors of `dim` features. */
export const isBounded = (dim: number): boolean => dim <= MOST_FEATURES;

/**
 * Writes the nearest codes, -1 for vectors with NaN, an infinity or a number of 2^50 or more. What the
 * bound of `bounds.ts` leaves open is decided by `decide`; without it the index stays that of the best
 * score, and nothing is read back. Memory grows with N and K.
 *
 * @returns how many rows were decided; undefined if a code has such numbers, and nothing was found
 */
export async function searchLayers(
  search: LayerSearch,
  decide: Decide | undefined,
): Promise<number | undefined> {
  const device = gpu();
  const several = search.rounds > 1;
  const used = search.layers.flatMap(({ size }) => {
    const { first, next } = planOf(search, size).tile;
    return several ? [first, next] : [first];
  });
  await device.load([...shaders, several ? settleRound : settleRows, ...used]);
  using scratch = new Scratch(device.device);
  const run = new LayerRun(device, scratch, search);
  await run.search();
  if (!decide) return 0;
  const [open, refused] = new Uint32Array(await device.read(run.counters, 8)) as unknown as [
    number,
    number,
  ];
  if (refused > 0) return undefined;
  if (open > 0) await run.decide(open, decide);
  return open;
}

/** Rows of a submission, the shader that compares them with `size` codes, and how many groups share these. */
function planOf({ rows, dim, rounds }: LayerSearch, size: number) {
  const partRows = Math.min(MOST_ROWS, rows, wholeTiles(MOST_WORK / (size * dim * rounds)));
  // A large tile where there are enough of them to go round.
  const tile = tiles[Math.min(partRows, size) >= LARGE ? 1 : 0];
  const rowTiles = Math.ceil(partRows / tile.side);
  const parts = Math.min(Math.ceil(size / tile.side), Math.ceil(BUSY_GROUPS / rowTiles));
  return { partRows, tile, parts };
}

class LayerRun {
  readonly #gpu: Gpu;
  readonly #scratch: Scratch;
  readonly #given: LayerSearch;
  /** Open rows, and codes that can't be searched. */
  readonly counters: GPUBuffer;
  readonly #open: GPUBuffer; // [N]
  readonly #marks: GPUBuffer; // [N]
  readonly #drifts: GPUBuffer; // [N]
  /** What the layers before left, `[N, D]`; the vectors if there is one layer. */
  readonly #left: GPUBuffer;

  constructor(device: Gpu, scratch: Scratch, given: LayerSearch) {
    const { rows, dim, layers, vectors } = given;
    this.#gpu = device;
    this.#scratch = scratch;
    this.#given = given;
    this.counters = scratch.take(8);
    this.#open = scratch.take(4 * rows);
    this.#marks = scratch.take(4 * rows);
    this.#drifts = scratch.take(4 * rows);
    this.#left = layers.length > 1 ? scratch.take(4 * rows * dim) : vectors;
  }

  async search(): Promise<void> {
    const { rows, dim, layers, vectors } = this.#given;
    const submitted: Promise<void>[] = [];
    if (this.#left !== vectors) {
      const copied = this.#gpu.submit((_, encoder) =>
        encoder.copyBufferToBuffer(vectors, 0, this.#left, 0, 4 * rows * dim),
      );
      submitted.push(copied);
    }
    for (const [at, layer] of layers.entries()) submitted.push(...this.#submitLayer(layer, at));
    await Promise.all(submitted);
  }

  #submitLayer(layer: LayerOnDevice, at: number): Promise<void>[] {
    const { rows, dim, layers, rounds, indices } = this.#given;
    const { codes, origin, size } = layer;
    using scratch = new Scratch(this.#gpu.device);
    const codeMeasures = scratch.take(16 * size);
    const { partRows, tile, parts } = planOf(this.#given, size);
    const rowMeasures = scratch.take(16 * partRows);
    const found = scratch.take(16 * partRows * parts);
    const lasts = rounds > 1 ? [scratch.take(8 * partRows)] : [];
    const left = this.#left;
    const submitted: Promise<void>[] = [];
    for (let firstRow = 0; firstRow < rows; firstRow += partRows) {
      const count = Math.min(partRows, rows - firstRow);
      const turn = { firstRow, rows: count, layer: at, codes: size, parts };
      const call = this.#call(scratch, turn);
      const inRows: [number] = [Math.ceil(count / GROUP_ROWS)];
      const inTiles: [number, number] = [Math.ceil(count / tile.side), parts];
      const { counters } = this;
      const submit = this.#gpu.submit((dispatch) => {
        if (firstRow === 0) {
          dispatch(measureCodes, groupsOf(size), [call, codes, origin, codeMeasures, counters]);
        }
        const about = [rowMeasures, this.#marks, this.#drifts];
        dispatch(measureRows, inRows, [call, left, origin, ...about]);
        const compared = [left, codes, origin, rowMeasures, codeMeasures, found];
        const answer = [rowMeasures, found, this.#marks, indices, counters, this.#open, ...lasts];
        dispatch(tile.first, inTiles, [call, ...compared]);
        dispatch(rounds > 1 ? settleRound : settleRows, inRows, [call, ...answer]);
        for (let round = 1; round < rounds; round++) {
          const again = this.#call(scratch, { ...turn, layer: round });
          dispatch(tile.next, inTiles, [again, ...compared, ...lasts]);
          dispatch(settleRound, inRows, [again, ...answer]);
        }
        if (at + 1 < layers.length) {
          dispatch(subtractCodes, groupsOf(count * dim), [call, codes, indices, left]);
        }
      });
      submitted.push(submit);
    }
    return submitted;
  }

  /** Has the `open` rows decided. */
  async decide(open: number, decide: Decide): Promise<void> {
    const { vectors, dim, layers, rounds, indices } = this.#given;
    const gathered = this.#scratch.take(4 * open * dim);
    const call = this.#call(this.#scratch, { rows: open });
    await this.#gpu.submit((dispatch) =>
      dispatch(copyRows, groupsOf(open * dim), [call, vectors, this.#open, gathered]),
    );
    const rows = new Float32Array(await this.#gpu.read(gathered, 4 * open * dim));
    const decided = this.#scratch.hold(await decide(rows));
    await this.#gpu.submit((dispatch) =>
      dispatch(fillRows, groupsOf(open * layers.length * rounds), [
        call,
        this.#open,
        decided,
        indices,
      ]),
    );
  }

  #call(scratch: Scratch, call: Partial<SearchCall> & { rows: number }): GPUBuffer {
    const { dim, layers, rounds, columns, euclidean } = this.#given;
    const rest = { firstRow: 0, layer: 0, codes: 0, parts: 1 };
    const all = { ...rest, columns, layers: layers.length * rounds, dim, euclidean, ...call };
    return scratch.hold(searchCall(all), USAGE.uniform);
  }
}

/** Workgroups for `count` turns of a shader that takes several for a thread if it must. */
const groupsOf = (count: number): [number] => [
  Math.min(MOST_GROUPS, Math.ceil(count / GROUP_ROWS)),
];

/** Rows in whole tiles, at least one, at most `rows`. */
const wholeTiles = (rows: number): number => Math.max(128, Math.floor(rows / 128) * 128);
