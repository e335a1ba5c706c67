import { expected, VectorQuantizeError } from "../errors.ts";

/** A set of images of one size, channels last: `[count, height, width, channels]`. */
export interface Images {
  readonly count: number;
  readonly height: number;
  readonly width: number;
  /** 1 (grey) or 3 (red, green, blue). */
  readonly channels: number;
  /** Bytes 0 to 255, or floats from 0 to 1, image after image. */
  readonly pixels: Uint8Array | Float32Array;
}

/** A block of numbers as array files hold it. */
export interface NumericArray {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

/**
 * Images from an array `[N, H, W]` (grey) or `[N, H, W, C]` with C of 1 or 3: integers from 0 to
 * 255, or floats from 0 to 1.
 *
 * @param where what errors call the array: usually the file's name.
 * @throws VectorQuantizeError for another rank or number of channels, no images, numbers that don't
 *   fill the shape, NaN, infinities, fractions in what is no array of floats, and numbers out of
 *   range; the message names the image.
 */
export function imagesFromArray({ shape, data }: NumericArray, where: string): Images {
  if (shape.length !== 3 && shape.length !== 4) {
    throw expected(`${where}: shape`, "[N, H, W] or [N, H, W, C] (3 or 4 axes)", shape);
  }
  const [count, height, width, channels = 1] = shape as [number, number, number, number?];
  if (channels !== 1 && channels !== 3) {
    const mend = height === 1 || height === 3 ? "Move the channels to the last axis" : undefined;
    throw expected(`${where}: shape`, "1 or 3 channels in the last axis", shape, mend);
  }
  if (data.length === 0) throw expected(`${where}: shape`, "at least one image with pixels", shape);
  const size = shape.reduce((product, each) => product * each, 1);
  if (data.length !== size) {
    throw expected(where, `${size} numbers for shape [${shape}]`, data.length);
  }
  const floats = data instanceof Float32Array || data instanceof Float64Array;
  checkRange(data, floats ? 1 : 255, data.length / count, where);
  const pixels = floats ? Float32Array.from(data) : Uint8Array.from(data);
  return { count, height, width, channels, pixels };
}

/**
 * The images number `indices`, as floats in [-1, 1]: `[indices.length, H, W, C]`, row by row.
 *
 * @throws VectorQuantizeError for an index that no image has
 */
export function toFloats(images: Images, indices: ArrayLike<number>): Float32Array<ArrayBuffer> {
  const { height, width, channels, pixels } = images;
  const size = height * width * channels;
  const scale = pixels instanceof Uint8Array ? 2 / 255 : 2;
  const floats = new Float32Array(indices.length * size);
  for (let i = 0; i < indices.length; i++) {
    const from = checkedAt(images, indices[i] as number) * size;
    const to = i * size;
    for (let j = 0; j < size; j++) floats[to + j] = (pixels[from + j] as number) * scale - 1;
  }
  return floats;
}

function checkedAt({ count }: Images, index: number): number {
  if (Number.isInteger(index) && index >= 0 && index < count) return index;
  throw expected("toFloats: indices", `integers from 0 to ${count - 1}`, index);
}

/** Floats in [-1, 1] as bytes, rounded; what lies outside is clamped. */
export function toBytes(floats: ArrayLike<number>): Uint8Array<ArrayBuffer> {
  // Uint8ClampedArray clamps and rounds on assignment.
  const bytes = new Uint8ClampedArray(floats.length);
  for (let i = 0; i < floats.length; i++) bytes[i] = ((floats[i] as number) + 1) * 127.5;
  return new Uint8Array(bytes.buffer);
}

function checkRange(data: ArrayLike<number>, max: number, size: number, where: string): void {
  for (let i = 0; i < data.length; i++) {
    const value = data[i] as number;
    if (value >= 0 && value <= max && (max === 1 || Number.isInteger(value))) continue;
    const of = `${where}: image ${Math.floor(i / size)}`;
    if (!Number.isFinite(value)) {
      throw new VectorQuantizeError(`${of}: expected finite values, got ${value}`);
    }
    const mend = value >= 0 && value <= max ? "Hand floats over as a Float32Array" : undefined;
    throw expected(of, max === 1 ? "floats from 0 to 1" : "integers from 0 to 255", value, mend);
  }
}
