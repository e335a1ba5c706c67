import { numpy as np, tree } from "@jax-js/jax";
import { type Images, toFloats } from "vector-quantize/data";
import type { Model, ModelVariables } from "vector-quantize/nn";
import { checkCoded, checkPixels } from "./checks.ts";
import { codeShape, fromFileOrder, toFileOrder } from "./codeShape.ts";

/** A trained model. Its variables stay alive: functions here take references of their own. */
export interface Codec {
  readonly model: Model;
  readonly variables: ModelVariables;
}

/** Indices of all images, image after image. */
export interface Codes {
  /** `[N, h, w]`, or `[N, h, w, Q]` where a vector gets Q indices; see `CodeShape`. */
  readonly shape: readonly number[];
  readonly data: Int32Array<ArrayBuffer>;
}

/** Pixels, and code positions, that are computed at once. */
const pixelsAtOnce = 64 * 32 * 32;
const positionsAtOnce = 64 * 8 * 8;

/** How many images to encode at once: the same for all sets of one image size. */
export function encodeBatchSize({ height, width }: Pick<Images, "height" | "width">): number {
  return Math.max(1, Math.floor(pixelsAtOnce / (height * width)));
}

/** Called with each batch on its way: its arrays are disposed by the caller. */
export type SeeBatch = (batch: {
  readonly x: np.Array;
  /** As the quantizer puts them out. */
  readonly indices: np.Array;
  /** How many of the batch are images; the rest repeats the last one. */
  readonly real: number;
}) => Promise<void>;

/** Encodes all images. */
export async function encodeImages(
  { model, variables }: Codec,
  images: Images,
  see?: SeeBatch,
): Promise<Codes> {
  const { height, width, channels } = images;
  const size = encodeBatchSize(images);
  const order = codeShape(model.quantizer);
  let codes: { shape: number[]; data: Int32Array<ArrayBuffer> } | undefined;
  for (let first = 0; first < images.count; first += size) {
    const numbers = filledUp(first, images.count, size);
    const x = np.array(toFloats(images, numbers), { shape: [size, height, width, channels] });
    const indices = await model.encode(tree.ref(variables as never), x.ref);
    const ordered = toFileOrder(indices.ref, order);
    const shape = ordered.shape.slice(1);
    const length = shape.reduce((product, count) => product * count, 1);
    codes ??= { shape: [images.count, ...shape], data: new Int32Array(images.count * length) };
    const real = Math.min(size, images.count - first);
    const data = ((await ordered.data()) as Int32Array).subarray(0, real * length);
    codes.data.set(data, first * length);
    if (see) await see({ x: x.ref, indices: indices.ref, real });
    tree.dispose([x, indices]);
    checkCoded(data, length, (i) => `image ${first + i}`);
  }
  return codes as Codes;
}

/** Reconstructions of a run of images, floats in [-1, 1]. */
export interface DecodedBatch {
  readonly first: number;
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly floats: Float32Array;
}

/**
 * Decodes all codes, batch by batch.
 *
 * The batches depend on the codes' shape alone, so the same codes give the same pixels bit for bit,
 * whoever asks.
 */
export async function* decodeCodes(
  { model, variables }: Codec,
  codes: Codes,
): AsyncGenerator<DecodedBatch> {
  const [total = 0, ...each] = codes.shape;
  const order = codeShape(model.quantizer);
  const positions = each.slice(0, order.positions).reduce((product, side) => product * side, 1);
  const size = Math.max(1, Math.floor(positionsAtOnce / positions));
  const length = codes.data.length / total;
  for (let first = 0; first < total; first += size) {
    const count = Math.min(size, total - first);
    // What is missing from a full batch is filled with code 0.
    const data = new Int32Array(size * length);
    data.set(codes.data.subarray(first * length, (first + count) * length));
    const batch = np.array(data, { shape: [size, ...each], dtype: np.int32 });
    const indices = fromFileOrder(batch, order);
    const output = await model.decode(tree.ref(variables as never), indices);
    const [, height = 0, width = 0, channels = 0] = output.shape;
    const all = (await output.data()) as Float32Array;
    const floats = all.subarray(0, count * height * width * channels);
    checkPixels(floats, height * width * channels, (i) => `image ${first + i}`);
    yield { first, count, height, width, channels, floats: floats.map(clipped) };
  }
}

/** A pixel within the range of pictures. */
export const clipped = (value: number): number => Math.min(Math.max(value, -1), 1);

/** `size` numbers from `first` on; past the end, the last one again. */
function filledUp(first: number, total: number, size: number): Uint32Array {
  return Uint32Array.from({ length: size }, (_, i) => Math.min(first + i, total - 1));
}
