import { hasCodes } from "vector-quantize";
import { toBytes, toFloats } from "vector-quantize/data";
import { codebookPatches } from "../codec/codebookPatches.ts";
import { codesOfPictures } from "../codec/coding.ts";
import type { PictureModel } from "../codec/modelFile.ts";
import { createPictureCodec, type NamedPicture } from "../codec/pictures.ts";
import { writePrior } from "../codec/prior.ts";
import { eachOf } from "../input/pictureSet.ts";
import {
  evaluate,
  evaluateFully,
  type FullEvaluation,
  summary,
} from "../measure/pictureEvaluation.ts";
import { findingsOf } from "../measure/pictureFindings.ts";
import { codebookPicture } from "../output/codebookPicture.ts";
import { writeFileSafely } from "../output/files.ts";
import { pairMosaic } from "../output/pictures.ts";
import { amount, grouped, small } from "../output/words.ts";
import { gallery } from "../report/gallery.ts";
import type { CodebookView, MediumReport } from "../report/page.ts";
import type { PictureData } from "./data.ts";
import { galleryOf } from "./gallery.ts";
import type { Conclusion, Judge, TrainedModel } from "./judge.ts";

/** Pairs of pictures in the mosaic. */
const pairs = 24;

/** Most pixels of the images that the prior is learned from, and images that are opened at once. */
const mostPixels = 2 ** 22;
const atOnce = 64;

/** A run of pictures is judged by those held back, or where there are none, by its own. */
export async function pictureJudge(
  data: PictureData,
  patch: number,
  items: Uint32Array,
  validation: Uint32Array,
): Promise<Judge> {
  const held = validation.length > 0;
  const shown = held ? validation : items;
  const images = await data.images(shown.subarray(0, data.mostJudged));
  const { height, width, channels, count } = images;
  return {
    count,
    held,
    details: { images: { height, width, channels } },
    async score(model, variables) {
      const file = { model, variables, images, patch, path: "the model" };
      const { psnr, perplexity, usedCodes } = await evaluate(file, eachOf(images));
      return { score: psnr, numbers: { psnr, perplexity, usedCodes } };
    },
    conclude,
  };

  async function conclude({ model, variables, folder }: TrainedModel): Promise<Conclusion> {
    const file: PictureModel = { model, variables, images, patch, path: folder.model };
    const paired = Math.min(pairs, count);
    const reconstructions: Uint8Array[] = [];
    const evaluation = await evaluateFully(file, eachOf(images), ({ made }) => {
      if (reconstructions.length < paired) reconstructions.push(made.pixels);
    });
    return {
      summary: summary(evaluation),
      findings: findingsOf(evaluation),
      async writeFiles(note) {
        const coded = codesOfPictures(trainedOn(), createPictureCodec(file));
        if (hasCodes(model.quantizer)) await writePrior(file, coded, folder.prior, note);
        const first = Uint32Array.from({ length: paired }, (_, i) => i);
        const remade = Buffer.concat(reconstructions);
        const mosaic = await pairMosaic(toBytes(toFloats(images, first)), remade, images);
        await writeFileSafely(folder.pictures, mosaic);
        return [["reconstructions", folder.pictures]];
      },
      report: () => reportOf(file, evaluation),
    };
  }

  /** Images that the model was trained on, in an order that tells nothing. */
  async function* trainedOn(): AsyncGenerator<NamedPicture> {
    let pixels = 0;
    for (let i = 0; i < items.length && pixels < mostPixels; i += atOnce) {
      const some = await data.images(items.subarray(i, i + atOnce));
      pixels += some.count * some.height * some.width;
      yield* eachOf(some);
    }
  }

  async function reportOf(file: PictureModel, evaluation: FullEvaluation): Promise<MediumReport> {
    const { psnr, ssim, bitsPerPixel, packedBitsPerPixel, losses, counts } = evaluation;
    const codebook = await codebookOf(file, counts);
    return {
      measured:
        `The numbers below are of ${amount(evaluation.images, "image")} of ${width} x ${height} ` +
        (held ? "that were held back from training." : "of the training set."),
      numbers: [
        ["PSNR", `${psnr.toFixed(2)} dB`],
        ...(ssim === undefined ? [] : [["SSIM", ssim.toFixed(3)] as const]),
        ["bits per pixel on disk", bitsPerPixel.toFixed(3)],
        ["bits per pixel packed", packedBitsPerPixel.toFixed(3)],
        ["perplexity", evaluation.perplexity.toFixed(1)],
        ["used codes", `${grouped(evaluation.usedCodes)} of ${grouped(counts.length)}`],
        ...Object.entries(losses).map(([name, loss]) => [`${name} loss`, small(loss)] as const),
      ],
      score: {
        ...{ title: "PSNR", y: "PSNR in dB", key: "psnr" },
        lines: [{ name: "PSNR", key: "psnr" }],
      },
      usage: counts,
      gallery: {
        words:
          "Move the line: left of it the original, right of it what the decoder makes of its codes." +
          (held ? " None of them was trained on." : ""),
        content: gallery(await galleryOf(file, data, shown)),
      },
      ...(codebook && { codebook }),
    };
  }
}

async function codebookOf(
  model: PictureModel,
  counts: ArrayLike<number>,
): Promise<CodebookView | undefined> {
  const found = await codebookPatches(model, counts);
  if (found === undefined) return undefined;
  const { codes, size, patch } = found;
  const used = codes.filter((code) => (counts[code] as number) > 0).length;
  const several = model.model.quantizer.codebookSizes.length > 1;
  const of = several ? "of the first codebook" : "of the codebook";
  const words =
    `${grouped(codes.length)} of the ${grouped(size)} codes ${of}, each decoded alone to ` +
    `${patch} x ${patch} pixels, most used first, row by row. ` +
    (used === codes.length
      ? "All of these were used."
      : `${grouped(used)} were used; faint ones were not.`);
  const picture = await codebookPicture(found, used);
  return { picture, words };
}
