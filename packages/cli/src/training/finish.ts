import { tree } from "@jax-js/jax";
import type { Images, ModelConfig } from "vector-quantize";
import { saveModel, toBytes, toFloats } from "vector-quantize";
import { type Evaluation, evaluate, summary } from "../codec/evaluate.ts";
import type { Console } from "../output/console.ts";
import { writeFileSafely } from "../output/files.ts";
import { encodePng, pairMosaic } from "../output/pictures.ts";
import { clock, grouped, small } from "../output/words.ts";
import { type Report, reportPage } from "../report/page.ts";
import type { Run } from "./run.ts";
import type { RunFolder } from "./runFolder.ts";

/** Most images that a run is judged by. */
const mostImages = 2048;
/** Pairs of pictures in the report. */
const pairs = 24;

export interface FinishOptions {
  readonly run: Run;
  readonly folder: RunFolder;
  readonly images: Images;
  readonly items: Uint32Array;
  readonly validation: Uint32Array;
  readonly machine: string;
}

/** What a finished run reached. */
export interface RunResult {
  readonly run: Run;
  readonly folder: RunFolder;
  readonly evaluation: Evaluation;
}

/** Judges the trained model by images that it was not trained on, and writes model and report. */
export async function finishRun(options: FinishOptions, console: Console): Promise<RunResult> {
  const { run, folder, images, items, validation } = options;
  const { model, state, settings } = run;
  const held = validation.length > 0;
  const judged = choose(images, (held ? validation : items).subarray(0, mostImages));
  const shown = Math.min(pairs, judged.count);
  const length = images.height * images.width * images.channels;
  const originals = toBytes(
    toFloats(
      judged,
      Uint32Array.from({ length: shown }, (_, i) => i),
    ),
  );
  const reconstructions = new Uint8Array(shown * length);
  const codec = { model, variables: state.variables };
  const evaluation = await evaluate(codec, judged, (floats, first) => {
    if (first < shown) {
      reconstructions.set(toBytes(floats.subarray(0, (shown - first) * length)), first * length);
    }
  });
  const { height, width, channels } = images;
  const bytes = await saveModel(model, tree.ref(state.variables as never), {
    images: { height, width, channels },
    settings,
    seconds: run.seconds,
    validation: summary(evaluation),
  });
  const cut = (all: Uint8Array, i: number) =>
    encodePng(all.subarray(i * length, (i + 1) * length), images);
  const pictures = await Promise.all(
    Array.from({ length: shown }, async (_, i) => {
      return [await cut(originals, i), await cut(reconstructions, i)] as const;
    }),
  );
  await writeFileSafely(folder.model, bytes);
  await writeFileSafely(folder.pictures, await pairMosaic(originals, reconstructions, images));
  await writeFileSafely(folder.report, reportPage(describe(options, evaluation, pictures)));
  console.record("done", { step: run.step, seconds: run.seconds, ...summary(evaluation) });
  return { run, folder, evaluation };
}

function choose(images: Images, items: Uint32Array): Images {
  const length = images.height * images.width * images.channels;
  const pixels = images.pixels.slice(0, items.length * length);
  items.forEach((item, i) => {
    pixels.set(images.pixels.subarray(item * length, (item + 1) * length), i * length);
  });
  return { ...images, count: items.length, pixels };
}

function describe(
  { run, images, validation, machine }: FinishOptions,
  evaluation: Evaluation,
  pictures: Report["pairs"],
): Report {
  const { settings, model, seconds, step } = run;
  const total = evaluation.counts.length;
  const held = validation.length > 0;
  return {
    title: `Vector-quantized autoencoder on ${settings.data}`,
    summary:
      `${grouped(step)} steps of ${settings.batch} images in ${clock(seconds)}, on ${machine}. ` +
      `The numbers below are of ${grouped(evaluation.images)} images ` +
      (held ? "that were held back from training." : "of the training set."),
    numbers: [
      ["PSNR", `${evaluation.psnr.toFixed(2)} dB`],
      ["perplexity", evaluation.perplexity.toFixed(1)],
      ["used codes", `${evaluation.usedCodes} of ${total}`],
      ["bits per pixel", evaluation.bitsPerPixel.toFixed(3)],
      ...Object.entries(evaluation.losses).map(
        ([name, loss]) => [`${name} loss`, small(loss)] as const,
      ),
      ["training", clock(seconds)],
    ],
    history: run.history,
    usage: evaluation.counts,
    held,
    pairs: pictures,
    configuration: [
      ["image size", `${images.width} x ${images.height}, ${images.channels} channel(s)`],
      ...Object.entries(settings).map(([name, value]) => [name, String(value)] as const),
      ...layers(model.config),
    ],
  };
}

function layers(config: ModelConfig): [string, string][] {
  return config.parts.map((part, i) => {
    const { type, ...options } = part;
    return [`part ${i + 1}: ${type}`, JSON.stringify(options)];
  });
}
