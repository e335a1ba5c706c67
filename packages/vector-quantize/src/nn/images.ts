import { expected, VectorQuantizeError } from "../errors.ts";

/** Most pixels a side of a kernel, window or block: each may be a step of the graph. */
export const mostSide = 1024;

/** Sizes of a batch of images. */
export interface ImageShape {
  readonly batch: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** Throws unless `shape` is `[B, H, W, C]`, with `channels` channels if that is given. */
export function checkImages(
  where: string,
  shape: readonly number[],
  channels?: number,
): ImageShape {
  if (shape.length !== 4 || (channels !== undefined && shape[3] !== channels)) {
    throw expected(`${where}: input`, `images [B, H, W, ${channels ?? "C"}]`, shape);
  }
  const [batch, height, width, depth] = shape as [number, number, number, number];
  return { batch, height, width, channels: depth };
}

/** Throws unless `shape` is `[B, T, C]`, with `channels` channels if that is given. */
export function checkSeries(where: string, shape: readonly number[], channels?: number): void {
  if (shape.length === 3 && (channels === undefined || shape[2] === channels)) return;
  throw expected(`${where}: input`, `series [B, T, ${channels ?? "C"}]`, shape);
}

/** Throws unless every axis is at least so long; one axis for series, two for images. */
export function checkRoom(
  where: string,
  lengths: readonly number[],
  least: readonly number[],
): void {
  if (lengths.every((length, axis) => length >= (least[axis] as number))) return;
  const what = least.length === 1 ? "vectors" : "pixels";
  throw new VectorQuantizeError(
    `${where}: expected at least ${least.join(" x ")} ${what}, got ${lengths.join(" x ")}`,
  );
}

/** Throws unless both sides of the images can be cut into pieces of `size` pixels. */
export function checkDivides(where: string, name: string, size: number, image: ImageShape): void {
  const { height, width } = image;
  if (height % size !== 0 || width % size !== 0) {
    throw expected(`${where}: image sides`, `multiples of ${name} (${size})`, [height, width]);
  }
}
