import { tree } from "@jax-js/jax";
import { hasCodes } from "vector-quantize";
import { toBytes, toFloats } from "vector-quantize/data";
import { saveModel } from "vector-quantize/nn";
import type { TrainState } from "vector-quantize/train";
import type { PictureModel } from "../codec/modelFile.ts";
import type { NamedPicture } from "../codec/pictures.ts";
import { learnPrior } from "../codec/prior.ts";
import { eachOf } from "../input/pictureSet.ts";
import { evaluateFully, summary } from "../measure/pictureEvaluation.ts";
import type { Console } from "../output/console.ts";
import { writeFileSafely } from "../output/files.ts";
import { pairMosaic } from "../output/pictures.ts";
import { reportPage } from "../report/page.ts";
import { dataName, reportOf } from "./reportOf.ts";
import type { FinishOptions, RunResult } from "./result.ts";
import { trainerOf } from "./run.ts";

/** Pairs of pictures in the mosaic. */
const pairs = 24;

/** Most pixels of the images that the prior is learned from, and images that are opened at once. */
const mostPixels = 2 ** 22;
const atOnce = 64;

/** Writes the prior. A model whose codes can't have one is none the worse. */
async function writePrior(
  options: FinishOptions,
  codec: PictureModel,
  console: Console,
): Promise<void> {
  try {
    const { bytes } = await learnPrior(codec, someOf(options));
    await writeFileSafely(options.folder.prior, bytes);
  } catch (error) {
    const { name, message } = error as Error;
    if (name !== "VectorQuantizeError") throw error;
    console.note(`No prior is written: ${message}`);
  }
}

/** Images that the model was trained on, in an order that tells nothing. */
async function* someOf({ data, items }: FinishOptions): AsyncGenerator<NamedPicture> {
  let pixels = 0;
  for (let i = 0; i < items.length && pixels < mostPixels; i += atOnce) {
    const images = await data.images(items.subarray(i, i + atOnce));
    pixels += images.count * images.height * images.width;
    yield* eachOf(images);
  }
}

/** Judges the trained model by images that it was not trained on, and writes model and report. */
export async function finishRun(options: FinishOptions, console: Console): Promise<RunResult> {
  const { run, folder, judged, profile, stoppedEarly, machine } = options;
  const { model, state, settings, step, seconds } = run;
  const averaged = trainerOf(model, settings).averaged(tree.ref(state as never) as TrainState);
  const codec: PictureModel = {
    ...{ model, variables: averaged, images: judged },
    ...{ patch: settings.patch, path: folder.model },
  };
  const paired = Math.min(pairs, judged.count);
  const reconstructions: Uint8Array[] = [];
  const evaluation = await evaluateFully(codec, eachOf(judged), ({ made }) => {
    if (reconstructions.length < paired) reconstructions.push(made.pixels);
  });
  const { height, width, channels } = judged;
  const bytes = await saveModel(model, tree.ref(averaged as never), {
    images: { height, width, channels },
    settings,
    seconds,
    validation: summary(evaluation),
  });
  await writeFileSafely(folder.model, bytes);
  if (hasCodes(model.quantizer)) await writePrior(options, codec, console);
  const peakMebibytes = process.resourceUsage().maxRSS / 1024;
  const result = { run, folder, evaluation, ...(profile && { profile }), peakMebibytes };
  const { lines, stopping } = run.validation;
  const numbers = {
    ...{ machine, settings: { ...settings, data: dataName(settings) } },
    ...{ step, seconds, stoppedEarly },
    evaluation: summary(evaluation),
    ...(lines.length > 0 && { validation: lines, best: stopping.best }),
    ...(profile && { profile }),
    peakMebibytes,
  };
  const originals = toBytes(
    toFloats(
      judged,
      Uint32Array.from({ length: paired }, (_, i) => i),
    ),
  );
  const remade = Buffer.concat(reconstructions);
  await writeFileSafely(folder.pictures, await pairMosaic(originals, remade, judged));
  await writeFileSafely(folder.report, reportPage(await reportOf(options, codec, result)));
  tree.dispose(averaged as never);
  await writeFileSafely(folder.numbers, `${JSON.stringify(numbers, undefined, 2)}\n`);
  console.record("done", { step, seconds, ...summary(evaluation), ...profile, peakMebibytes });
  return result;
}
