import { numpy as np, tree } from "@jax-js/jax";
import { meanSquaredError, psnr } from "vector-quantize";
import type { VqPicture } from "vector-quantize/codes";
import { toBytes } from "vector-quantize/data";
import type { CodedPixels, PicturePixels } from "./contract.ts";
import { digestOf } from "./digest.ts";
import type { LoadedModel } from "./openFiles.ts";
import { vqFileOf } from "./vqFiles.ts";

const rgb = 3;

/** A picture as the model takes it: floats, its edges repeated up to whole patches. */
function inputOf(
  { width, height, rgb: pixels }: PicturePixels,
  patch: number,
  channels: number,
): np.Array {
  const [wide, high] = [width, height].map((side) => Math.ceil(side / patch) * patch) as [
    number,
    number,
  ];
  const floats = new Float32Array(wide * high * channels);
  let to = 0;
  for (let y = 0; y < high; y++) {
    for (let x = 0; x < wide; x++) {
      const from = rgb * (Math.min(y, height - 1) * width + Math.min(x, width - 1));
      const [r = 0, g = 0, b = 0] = pixels.subarray(from, from + rgb);
      const grey = Math.round(0.299 * r + 0.587 * g + 0.114 * b);
      for (const value of channels === 1 ? [grey] : [r, g, b]) floats[to++] = (value * 2) / 255 - 1;
    }
  }
  return np.array(floats, { shape: [1, high, wide, channels] });
}

/** The output of a model as pixels, without what was added at the edges. */
function pixelsOf(
  output: Float32Array,
  shape: readonly number[],
  size: readonly number[],
): PicturePixels {
  const [, , wide = 0, channels = 0] = shape;
  const [height = 0, width = 0] = size;
  const bytes = toBytes(output);
  const pixels = new Uint8Array(width * height * rgb);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < rgb; c++) {
        const from = (y * wide + x) * channels + Math.min(c, channels - 1);
        pixels[rgb * (y * width + x) + c] = bytes[from] as number;
      }
    }
  }
  return { width, height, rgb: pixels };
}

const own = ({ variables }: LoadedModel) => tree.ref(variables as never) as typeof variables;

/** What comes out for codes `[h, w, Q]`. */
async function decode(loaded: LoadedModel, picture: VqPicture): Promise<PicturePixels> {
  const { model } = loaded;
  const { layers, perVector } = layersOf(loaded);
  const [h = 0, w = 0] = picture.shape;
  const given = picture.codes.length / (h * w);
  if (given !== layers) throw new Error(`Expected ${layers} codes a position, got ${given}.`);
  const shape = [1, h, w, ...perVector];
  const indices = np.array(picture.codes as Int32Array<ArrayBuffer>, { shape, dtype: np.int32 });
  const output = await model.decode(own(loaded), indices);
  const outputShape = output.shape;
  const size = picture.size ?? outputShape.slice(1, 3);
  return pixelsOf((await output.data()) as Float32Array, outputShape, size);
}

/** Codes of a vector, and whether indices have an axis for them. */
export function layersOf({ model: { quantizer } }: LoadedModel) {
  const layers = quantizer.codebookSizes.length;
  const hasAxis = layers > 1 || /residual/i.test(quantizer.config.type);
  return { layers, perVector: hasAxis ? [layers] : [] };
}

/** Encodes a picture and decodes it again. */
export async function codePicture(
  loaded: LoadedModel,
  original: PicturePixels,
): Promise<CodedPixels> {
  const { model, opened } = loaded;
  const x = inputOf(original, opened.patch ?? 1, opened.channels ?? rgb);
  const indices = await model.encode(own(loaded), x);
  const [, h = 0, w = 0] = indices.shape;
  const codes = Int32Array.from(await indices.data());
  const size = [original.height, original.width];
  const picture = { shape: [h, w], size, codes };
  const output = await decode(loaded, picture);
  return {
    original,
    output,
    codes,
    shape: [h, w],
    layers: layersOf(loaded).layers,
    file: await vqFileOf(loaded, picture),
    psnr: psnr(meanSquaredError(original.rgb, output.rgb), 255),
    digest: await digestOf(codes),
  };
}

/** Decodes a picture of a `.vq` file. */
export async function decodePicture(loaded: LoadedModel, picture: VqPicture): Promise<CodedPixels> {
  const [h = 0, w = 0] = picture.shape;
  return {
    output: await decode(loaded, picture),
    ...(picture.name !== undefined && { name: picture.name }),
    codes: Int32Array.from(picture.codes),
    shape: [h, w],
    layers: layersOf(loaded).layers,
    file: new Uint8Array(),
    digest: await digestOf(picture.codes),
  };
}
