import { numpy as np } from "@jax-js/jax";
import { hasCodes } from "vector-quantize";
import { toBytes } from "vector-quantize/data";
import { applyModel } from "../codec/applyModel.ts";
import { codeShape, fromFileOrder } from "../codec/codeShape.ts";
import { lossMeter } from "../codec/evaluate.ts";
import type { ModelFile } from "../codec/modelFile.ts";
import {
  type CodedPicture,
  createPictureCodec,
  type DecodedPicture,
  type NamedPicture,
} from "../codec/pictures.ts";
import type { Usage } from "../codec/usage.ts";
import { type PictureWithFile, sameSizes } from "../input/pictureSet.ts";
import { vqInto } from "../output/codeSinks.ts";
import { codeCounter } from "./codeCounts.ts";
import { type Distortion, distortionMeter } from "./distortion.ts";
import type { Pixels } from "./ssim.ts";

/** How well a model does on pictures of any size. */
export interface PictureEvaluation extends Usage, Distortion {
  readonly images: number;
  readonly pixels: number;
  /** Of a `.vq` file of all of them. */
  readonly bytes: number;
  /** The file's, those of codes packed as they are, and the entropy of codes told one by one. */
  readonly bitsPerPixel: number;
  readonly packedBitsPerPixel: number;
  readonly entropyBitsPerPixel: number;
  /** The quantizer's losses, of the pictures of the size that it was trained on. */
  readonly losses: Readonly<Record<string, number>>;
}

/** Called with every picture in its turn: the original in bytes, what the model makes of it, and its file. */
export type SeePicture = (original: Pixels, made: DecodedPicture, file: string) => Promise<void>;

/**
 * Encodes pictures and decodes them again, as the commands do, and compares.
 *
 * @param done is told of every few pictures
 */
export async function evaluatePictures(
  file: ModelFile,
  pictures: AsyncIterable<PictureWithFile>,
  see: SeePicture,
  done: (count: number) => void,
): Promise<PictureEvaluation> {
  const codec = createPictureCodec(file);
  const codes = codeCounter(file.model.quantizer);
  const losses = lossMeter(file);
  const distortion = distortionMeter();
  const vq = await vqInto(file, () => undefined);
  const [trained, order] = [file.images, codeShape(file.model.quantizer)];
  let [images, pixels] = [0, 0];

  const seeLosses = async (run: readonly NamedPicture[], coded: readonly CodedPicture[]) => {
    const [{ height, width, channels }] = run as [NamedPicture];
    if (height !== trained.height || width !== trained.width) return;
    const values = coded.map((each) => each.codes);
    const { shape } = coded[0] as CodedPicture;
    const indices = fromFileOrder(
      np.array(joined(values), {
        shape: [run.length, ...shape, ...order.perVector],
        dtype: np.int32,
      }),
      order,
    );
    const x = np.array(Float32Array.from(run.flatMap(floatsOf)), {
      shape: [run.length, height, width, channels],
    });
    await losses.see({ x, indices, real: run.length });
  };

  for await (const run of sameSizes(
    pictures,
    ({ height, width }) => `${height} ${width}`,
    codec.batchSize,
  )) {
    const coded = await codec.encode(run);
    for (const each of coded) {
      codes.add(each.codes);
      await vq.add(each);
    }
    await seeLosses(run, coded);
    const decoded = hasCodes(file.model.quantizer)
      ? await codec.decode(coded)
      : await withoutCodes(file, run);
    for (const [i, made] of decoded.entries()) {
      const original = { ...run[i]!, pixels: bytesOf(run[i]!) };
      distortion.add(original, made);
      await see(original, made, run[i]!.file);
      pixels += made.height * made.width;
    }
    images += run.length;
    done(run.length);
  }
  const { bytes } = await vq.finish();
  const { packed, entropy } = codes.bits();
  return {
    ...codes.usage(),
    ...distortion.result(),
    ...{ images, pixels, bytes, bitsPerPixel: (8 * bytes) / pixels },
    ...{ packedBitsPerPixel: packed / pixels, entropyBitsPerPixel: entropy / pixels },
    losses: losses.means(),
  };
}

const floatsOf = ({ pixels }: NamedPicture): number[] => {
  const scale = pixels instanceof Uint8Array ? 2 / 255 : 2;
  return Array.from(pixels, (value) => value * scale - 1);
};

const bytesOf = ({ pixels }: NamedPicture): Uint8Array =>
  pixels instanceof Uint8Array ? pixels : Uint8Array.from(pixels, (v) => Math.round(v * 255));

function joined(parts: readonly Int32Array[]): Int32Array<ArrayBuffer> {
  const all = new Int32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** What a model makes of pictures whose quantizer has no codes. */
async function withoutCodes(
  file: ModelFile,
  run: readonly NamedPicture[],
): Promise<DecodedPicture[]> {
  const made: DecodedPicture[] = [];
  for (const picture of run) {
    for await (const { floats } of applyModel(file, { ...picture, count: 1 })) {
      made.push({ ...picture, pixels: toBytes(floats) });
    }
  }
  return made;
}
