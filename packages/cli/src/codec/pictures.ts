import { numpy as np, tree } from "@jax-js/jax";
import { hasCodes } from "vector-quantize";
import { toBytes } from "vector-quantize/data";
import { type TileAlong, tilingOf } from "vector-quantize/nn";
import { Failure } from "../failure.ts";
import { checkCoded, checkPixels, checkVectors } from "./checks.ts";
import { type CodedPicture, codeShape, fromFileOrder, toFileOrder } from "./codeShape.ts";
import {
  copyWindow,
  cutTo,
  type Grid,
  gridFor,
  lengthOf,
  put,
  type Tile,
  wholeAlong,
} from "./grids.ts";
import type { PictureModel } from "./modelFile.ts";
import type { CodeChooser } from "./rdo.ts";

/** A picture of any size. */
export interface NamedPicture {
  /** A relative path, with `/` between its parts; none for those of arrays. */
  readonly name?: string;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** Bytes 0 to 255, or floats from 0 to 1, channels last. */
  readonly pixels: Uint8Array | Float32Array;
}

/** A picture in bytes, as decoding makes it. */
export type DecodedPicture = NamedPicture & { readonly pixels: Uint8Array };

/** A picture with its pixels in bytes. */
export function inBytes<Picture extends NamedPicture>(
  picture: Picture,
): Picture & { readonly pixels: Uint8Array } {
  const { pixels } = picture;
  if (pixels instanceof Uint8Array) return { ...picture, pixels };
  return { ...picture, pixels: Uint8Array.from(pixels, (value) => Math.round(value * 255)) };
}

/** Pictures through a model. All of one call have one size. */
export interface PictureCodec {
  encode(pictures: readonly NamedPicture[]): Promise<CodedPicture[]>;
  decode(coded: readonly CodedPicture[]): Promise<DecodedPicture[]>;
  /** Decodes what was encoded; of a quantizer without codes, what the model makes of the pictures. */
  remake(
    pictures: readonly NamedPicture[],
    coded: readonly CodedPicture[],
  ): Promise<DecodedPicture[]>;
  /** How many pictures of a size to take at once. */
  batchSize(size: { readonly height: number; readonly width: number }): number;
}

/** Pixels that are computed at once: of small pictures together, of a large one as a tile. */
const pixelsAtOnce = 2 ** 16;
const tileSide = 512;
/** Pixels of a picture that a model takes whole where it can't take it in tiles. */
const mostWhole = 2 ** 22;

/**
 * Takes pictures of any size through a model. They are padded below and to the right by repeating their
 * last row and column, up to a multiple of what a code stands for; large ones go in tiles, whose codes and
 * pixels are the whole's to the bit, in the memory of a tile.
 *
 * @param rdo chooses the codes; default: the model's own
 */
export function createPictureCodec(file: PictureModel, rdo?: CodeChooser): PictureCodec {
  const { model, variables, images, patch, path } = file;
  const order = codeShape(model.quantizer);
  const whole = order.positions === 1;
  const encoder = whole ? undefined : tilingOf(model.layers.encoder);
  const decoder = whole ? undefined : tilingOf(model.layers.decoder);
  const [multipleDown, multipleAcross] = encoder?.down ?? [patch, patch];
  const layers = model.quantizer.codebookSizes.length;

  function tilesOf(
    tiling: typeof encoder,
    [height, width]: readonly [number, number],
    pixelsOf: (down: TileAlong, across: TileAlong) => number,
    side: readonly [number, number],
  ): Tile[] {
    const tiles = (tiling?.along(0, height, side[0]) ?? [wholeAlong(height)]).flatMap((down) =>
      (tiling?.along(1, width, side[1]) ?? [wholeAlong(width)]).map((across) => ({ down, across })),
    );
    const largest = Math.max(...tiles.map(({ down, across }) => pixelsOf(down, across)));
    if (largest <= mostWhole) return tiles;
    throw new Failure(
      `${path}: expected pictures of at most ${mostWhole} pixels, for its layers can't take them in tiles, got ${largest}`,
    );
  }

  const paddedSides = (height: number, width: number) =>
    [
      Math.ceil(height / multipleDown) * multipleDown,
      Math.ceil(width / multipleAcross) * multipleAcross,
    ] as const;

  /** What `run` makes of pictures tile by tile, put together: `features` numbers a position. */
  async function inTiles<T extends Int32Array | Float32Array>(
    pictures: readonly NamedPicture[],
    run: (x: np.Array) => Promise<MadeOfTile<T>>,
    allocate: (size: number) => T,
  ): Promise<Grid<T>> {
    const [{ height, width, channels }] = pictures as [NamedPicture];
    const tiles = tilesOf(
      encoder,
      paddedSides(height, width),
      (down, across) => lengthOf(down.input) * lengthOf(across.input),
      [tileSide, tileSide],
    );
    let grid: Grid<T> | undefined;
    for (const tile of tiles) {
      const { down, across } = tile;
      const shape = [pictures.length, lengthOf(down.input), lengthOf(across.input), channels];
      const { values, sides, features } = await run(np.array(shown(pictures, tile), { shape }));
      grid ??= gridFor(pictures.length, features, tiles, sides, allocate);
      put(grid, values, sides, tile, tiles.length > 1);
    }
    return grid as Grid<T>;
  }

  async function encode(pictures: readonly NamedPicture[]): Promise<CodedPicture[]> {
    const [{ height, width }] = pictures as [NamedPicture];
    const { shape, values } = await (rdo ? chosen(rdo, pictures) : found(pictures));
    return pictures.map(({ name }, i) => ({
      ...(name !== undefined && { name }),
      shape,
      size: [height, width],
      codes: values[i]!,
    }));
  }

  /** The codes that the model finds. */
  const found = (pictures: readonly NamedPicture[]) =>
    inTiles(
      pictures,
      async (x) => {
        const indices = await model.encode(tree.ref(variables as never), x);
        const ordered = toFileOrder(indices, order);
        const sides = ordered.shape.slice(1, 1 + order.positions);
        const codes = (await ordered.data()) as Int32Array;
        checkCoded(codes, codes.length / pictures.length, (i) => called(pictures[i], i));
        return { values: codes, sides, features: layers };
      },
      (size) => new Int32Array(size),
    );

  /** The codes that are chosen for their bits too. */
  async function chosen(rdo: CodeChooser, pictures: readonly NamedPicture[]) {
    let codebooks: np.Array[] = [];
    const { shape, values, features } = await inTiles(
      pictures,
      async (x) => {
        const sides = [
          (x.shape[1] as number) / multipleDown,
          (x.shape[2] as number) / multipleAcross,
        ];
        const compared = await model.comparison(tree.ref(variables as never), x);
        tree.dispose(codebooks);
        codebooks = compared.codebooks;
        const features = compared.vectors.shape[1] as number;
        const vectors = (await compared.vectors.data()) as Float32Array;
        checkVectors(vectors, vectors.length / pictures.length, (i) => called(pictures[i], i));
        return { values: vectors, sides, features };
      },
      (size) => new Float32Array(size),
    );
    const chooser = await rdo(codebooks, features);
    const all: Int32Array[] = [];
    for (const vectors of values) all.push(await chooser.encode(vectors, shape));
    return { shape, values: all };
  }

  async function decode(coded: readonly CodedPicture[]): Promise<DecodedPicture[]> {
    const [{ shape, size }] = coded as [CodedPicture];
    const [h, w = 1] = shape as [number, number?];
    const scale = (axis: 0 | 1) => (decoder ? decoder.up[axis] / decoder.down[axis] : patch);
    const codesOf = (axis: 0 | 1) => Math.max(1, Math.floor(tileSide / scale(axis)));
    const tiles = tilesOf(
      decoder,
      [h, w],
      (down, across) => lengthOf(down.input) * lengthOf(across.input) * scale(0) * scale(1),
      [codesOf(0), codesOf(1)],
    );
    let grid: Grid<Uint8Array> | undefined;
    let channels = images.channels;
    for (const tile of tiles) {
      const { down, across } = tile;
      const length = lengthOf(down.input) * lengthOf(across.input) * layers;
      const data = new Int32Array(coded.length * length);
      coded.forEach(({ codes }, i) => {
        const [from, to] = [down.input, across.input];
        copyWindow(codes, [w, layers], [from.from, to.from], data.subarray(i * length), [
          ...[lengthOf(from), lengthOf(to)],
        ] as [number, number]);
      });
      const sides = whole ? [h] : [lengthOf(down.input), lengthOf(across.input)];
      const array = np.array(data, {
        shape: [coded.length, ...sides, ...order.perVector],
        dtype: np.int32,
      });
      const output = await model.decode(tree.ref(variables as never), fromFileOrder(array, order));
      const [, height = 0, width = 0, features = 0] = output.shape;
      channels = features;
      const floats = (await output.data()) as Float32Array;
      checkPixels(floats, floats.length / coded.length, (i) => called(coded[i], i));
      grid ??= gridFor(coded.length, channels, tiles, [height, width], (n) => new Uint8Array(n));
      put(grid, toBytes(floats), [height, width], tile, tiles.length > 1);
    }
    const made = grid as Grid<Uint8Array>;
    return coded.map(({ name }, i) => {
      const [height, width] = (size ?? made.shape) as [number, number];
      const pixels = cutTo(made, i, channels, [height, width], path);
      return { ...(name !== undefined && { name }), height, width, channels, pixels };
    });
  }

  /** What the model makes of pictures themselves, for a quantizer that has no codes. */
  async function apply(pictures: readonly NamedPicture[]): Promise<DecodedPicture[]> {
    const [{ height, width, channels }] = pictures as [NamedPicture];
    const sides = paddedSides(height, width);
    const [tile] = tilesOf(undefined, sides, () => sides[0] * sides[1], [tileSide, tileSide]);
    const x = np.array(shown(pictures, tile!), { shape: [pictures.length, ...sides, channels] });
    const { output, ...rest } = model.apply(tree.ref(variables as never), x);
    tree.dispose(rest as never);
    const floats = (await output.data()) as Float32Array;
    checkPixels(floats, floats.length / pictures.length, (i) => called(pictures[i], i));
    const grid = gridFor(pictures.length, channels, [tile!], sides, (n) => new Uint8Array(n));
    put(grid, toBytes(floats), sides, tile!, false);
    return pictures.map((picture, i) => ({
      ...picture,
      pixels: cutTo(grid, i, channels, [height, width], path),
    }));
  }

  return {
    encode,
    decode,
    remake: (pictures, coded) => (hasCodes(model.quantizer) ? decode(coded) : apply(pictures)),
    batchSize: ({ height, width }) => Math.max(1, Math.floor(pixelsAtOnce / (height * width))),
  };
}

/** What came out of a tile of all pictures. */
interface MadeOfTile<T> {
  readonly values: T;
  /** Positions down and across. */
  readonly sides: readonly number[];
  readonly features: number;
}

const called = (picture: { name?: string } | undefined, i: number) =>
  picture?.name ?? `picture ${i}`;

/** A tile of all pictures as floats in [-1, 1]: beyond their edges the last row and column again. */
function shown(
  pictures: readonly NamedPicture[],
  { down, across }: Tile,
): Float32Array<ArrayBuffer> {
  const [rows, columns] = [lengthOf(down.input), lengthOf(across.input)];
  const [{ height, width, channels }] = pictures as [NamedPicture];
  const floats = new Float32Array(pictures.length * rows * columns * channels);
  let to = 0;
  for (const { pixels } of pictures) {
    const scale = pixels instanceof Uint8Array ? 2 / 255 : 2;
    for (let y = down.input.from; y < down.input.to; y++) {
      const row = Math.min(y, height - 1) * width;
      for (let x = across.input.from; x < across.input.to; x++) {
        const from = (row + Math.min(x, width - 1)) * channels;
        for (let c = 0; c < channels; c++) floats[to++] = pixels[from + c]! * scale - 1;
      }
    }
  }
  return floats;
}
