import type { TileAlong } from "vector-quantize/nn";
import { Failure } from "../failure.ts";

/** A part of pictures or of their codes. */
export interface Tile {
  readonly down: TileAlong;
  readonly across: TileAlong;
}

export const lengthOf = ({ from, to }: { from: number; to: number }) => to - from;

/** All of an axis, as one tile. */
export function wholeAlong(length: number): TileAlong {
  return { input: { from: 0, to: length }, output: { from: 0, to: Number.NaN }, skip: 0 };
}

/** What is made of all pictures, put together from tiles. */
export interface Grid<T> {
  readonly shape: readonly number[];
  readonly features: number;
  readonly values: readonly T[];
}

export function gridFor<T>(
  count: number,
  features: number,
  tiles: readonly Tile[],
  made: readonly number[],
  allocate: (size: number) => T,
): Grid<T> {
  const last = tiles.at(-1) as Tile;
  const shape = tiles.length === 1 ? made : [last.down.output.to, last.across.output.to];
  const size = shape.reduce((product, side) => product * side, features);
  return { shape, features, values: Array.from({ length: count }, () => allocate(size)) };
}

/** Puts what was made of a tile, or of the whole, to its place. */
export function put<T extends Int32Array | Uint8Array | Float32Array>(
  { shape, features, values }: Grid<T>,
  made: T,
  sides: readonly number[],
  { down, across }: Tile,
  isTile: boolean,
): void {
  const each = made.length / values.length;
  for (const [i, into] of values.entries()) {
    const own = made.subarray(i * each, (i + 1) * each);
    if (!isTile) {
      into.set(own as never);
      continue;
    }
    const wide = lengthOf(across.output) * features;
    for (let row = 0; row < lengthOf(down.output); row++) {
      const from = ((down.skip + row) * (sides[1] as number) + across.skip) * features;
      const to = ((down.output.from + row) * (shape[1] as number) + across.output.from) * features;
      into.set(own.subarray(from, from + wide) as never, to);
    }
  }
}

/** Copies rows of a window of `[h, w, features]`. */
export function copyWindow(
  from: Int32Array,
  [width, features]: readonly [number, number],
  [top, left]: readonly [number, number],
  to: Int32Array,
  [rows, columns]: readonly [number, number],
): void {
  for (let row = 0; row < rows; row++) {
    const at = ((top + row) * width + left) * features;
    to.set(from.subarray(at, at + columns * features), row * columns * features);
  }
}

/** A decoded picture without its padding. */
export function cutTo(
  { shape, values }: Grid<Uint8Array>,
  i: number,
  channels: number,
  [height, width]: readonly [number, number],
  path: string,
): Uint8Array {
  const [rows, columns] = shape as [number, number];
  if (height > rows || width > columns) {
    throw new Failure(
      `${path}: expected codes that decode to at least ${width} x ${height} pixels, got ${columns} x ${rows}`,
    );
  }
  const pixels = values[i] as Uint8Array;
  if (height === rows && width === columns) return pixels;
  const cut = new Uint8Array(height * width * channels);
  for (let row = 0; row < height; row++) {
    const from = row * columns * channels;
    cut.set(pixels.subarray(from, from + width * channels), row * width * channels);
  }
  return cut;
}
