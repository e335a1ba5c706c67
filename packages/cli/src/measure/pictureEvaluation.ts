import { psnr } from "vector-quantize";
import type { CodedPicture } from "../codec/codeShape.ts";
import type { PictureModel } from "../codec/modelFile.ts";
import {
  createPictureCodec,
  type DecodedPicture,
  inBytes,
  type NamedPicture,
} from "../codec/pictures.ts";
import type { CodeChooser } from "../codec/rdo.ts";
import type { Usage } from "../codec/usage.ts";
import { sameSizes } from "../input/pictureSet.ts";
import { vqInto } from "../output/codeSinks.ts";
import { codeCounter } from "./codeCounts.ts";
import { lossMeter } from "./losses.ts";
import { type Pixels, type Similarity, similarityMeter, squaredErrors } from "./similarity.ts";

/** How well a model does on pictures. */
export interface PictureEvaluation extends Usage {
  readonly images: number;
  readonly pixels: number;
  /** In dB, of the mean squared error over all pixels, as bytes. */
  readonly psnr: number;
  /** Of the codes packed as they are, and the entropy of codes told one by one. */
  readonly packedBitsPerPixel: number;
  readonly entropyBitsPerPixel: number;
  /** The quantizer's losses, of the pictures of the size that it was trained on. */
  readonly losses: Readonly<Record<string, number>>;
}

/** And how small its codes are, and how much alike the pictures. */
export interface FullEvaluation extends PictureEvaluation, Similarity {
  /** Of a `.vq` file of all of them. */
  readonly bytes: number;
  readonly bitsPerPixel: number;
}

/** A picture on its way. */
export interface SeenPicture<Picture extends NamedPicture> {
  readonly picture: Picture;
  /** The picture in bytes. */
  readonly original: Pixels;
  readonly coded: CodedPicture;
  readonly made: DecodedPicture;
}

type Pictures<Picture> = AsyncIterable<Picture> | Iterable<Picture>;
type See<Picture extends NamedPicture> = (seen: SeenPicture<Picture>) => Promise<void> | void;

/**
 * Encodes pictures and decodes them again, as the commands do, and compares.
 *
 * @param see is shown every picture in its turn
 * @param done is told of every few pictures
 * @param rdo chooses the codes
 */
export async function evaluate<Picture extends NamedPicture>(
  model: PictureModel,
  pictures: Pictures<Picture>,
  see: See<Picture> = () => undefined,
  done: (count: number) => void = () => undefined,
  rdo?: CodeChooser,
): Promise<PictureEvaluation> {
  const codec = createPictureCodec(model, rdo);
  const codes = codeCounter(model.model.quantizer);
  const losses = lossMeter(model);
  let [images, pixels, values, squares] = [0, 0, 0, 0];
  const runs = sameSizes(pictures, (p) => `${p.height} ${p.width}`, codec.batchSize);
  for await (const run of runs) {
    const coded = await codec.encode(run);
    for (const each of coded) codes.add(each.codes);
    await losses.add(run, coded);
    const remade = await codec.remake(run, coded);
    for (const [i, made] of remade.entries()) {
      const picture = run[i] as Picture;
      const original = inBytes(picture);
      squares += squaredErrors(original.pixels, made.pixels);
      values += made.pixels.length;
      pixels += made.height * made.width;
      await see({ picture, original, coded: coded[i] as CodedPicture, made });
    }
    images += run.length;
    done(run.length);
  }
  const { packed, entropy } = codes.bits();
  return {
    ...codes.usage(),
    ...{ images, pixels, psnr: psnr(squares / values, 255) },
    ...{ packedBitsPerPixel: packed / pixels, entropyBitsPerPixel: entropy / pixels },
    losses: losses.means(),
  };
}

/** `evaluate`, and in addition the bytes of the codes as a file, SSIM and MS-SSIM. */
export async function evaluateFully<Picture extends NamedPicture>(
  model: PictureModel,
  pictures: Pictures<Picture>,
  see?: See<Picture>,
  done?: (count: number) => void,
  rdo?: CodeChooser,
): Promise<FullEvaluation> {
  const vq = await vqInto(model, () => undefined);
  const similar = similarityMeter();
  const evaluation = await evaluate(
    model,
    pictures,
    async (seen) => {
      await vq.add(seen.coded);
      similar.add(seen.original, seen.made);
      await see?.(seen);
    },
    done,
    rdo,
  );
  const { bytes } = await vq.finish();
  const bitsPerPixel = (8 * bytes) / evaluation.pixels;
  return { ...evaluation, ...similar.means(), bytes, bitsPerPixel };
}

/** The numbers of an evaluation, without the uses of single codes. */
export function summary({ counts: _, losses, ...numbers }: PictureEvaluation) {
  return { ...numbers, ...losses };
}
