import { tree } from "@jax-js/jax";
import type { Images } from "vector-quantize/data";
import { toBytes, toFloats } from "vector-quantize/data";
import type { ModelConfig } from "vector-quantize/nn";
import { saveModel } from "vector-quantize/nn";
import type { TrainState } from "vector-quantize/train";
import { type CodecEvaluation, evaluate, summary } from "../codec/evaluate.ts";
import type { Console } from "../output/console.ts";
import { writeFileSafely } from "../output/files.ts";
import { encodePng, pairMosaic } from "../output/pictures.ts";
import { clock, grouped, small } from "../output/words.ts";
import { type Report, reportPage } from "../report/page.ts";
import { profileLines, type StepProfile } from "./profile.ts";
import { type Run, trainerOf } from "./run.ts";
import type { RunFolder } from "./runFolder.ts";

/** Pairs of pictures in the report. */
const pairs = 24;

export interface FinishOptions {
  readonly run: Run;
  readonly folder: RunFolder;
  /** The images to judge by, and whether they were held back from training. */
  readonly judged: Images;
  readonly held: boolean;
  readonly profile?: StepProfile;
  readonly stoppedEarly: boolean;
  readonly machine: string;
}

/** What a finished run reached. */
export interface RunResult {
  readonly run: Run;
  readonly folder: RunFolder;
  readonly evaluation: CodecEvaluation;
  readonly profile?: StepProfile;
  /** Most memory that the process had at once. */
  readonly peakMebibytes: number;
}

/** Judges the trained model by images that it was not trained on, and writes model and report. */
export async function finishRun(options: FinishOptions, console: Console): Promise<RunResult> {
  const { run, folder, judged, profile, stoppedEarly, machine } = options;
  const { model, state, settings, step, seconds } = run;
  const averaged = trainerOf(model, settings).averaged(tree.ref(state as never) as TrainState);
  const shown = Math.min(pairs, judged.count);
  const { height, width, channels } = judged;
  const length = height * width * channels;
  const originals = toBytes(
    toFloats(
      judged,
      Uint32Array.from({ length: shown }, (_, i) => i),
    ),
  );
  const reconstructions = new Uint8Array(shown * length);
  const codec = { model, variables: averaged };
  const evaluation = await evaluate(codec, judged, (floats, first) => {
    if (first < shown) {
      reconstructions.set(toBytes(floats.subarray(0, (shown - first) * length)), first * length);
    }
  });
  const bytes = await saveModel(model, averaged, {
    images: { height, width, channels },
    settings,
    seconds,
    validation: summary(evaluation),
  });
  const cut = (all: Uint8Array, i: number) =>
    encodePng(all.subarray(i * length, (i + 1) * length), judged);
  const pictures = await Promise.all(
    Array.from({ length: shown }, async (_, i) => {
      return [await cut(originals, i), await cut(reconstructions, i)] as const;
    }),
  );
  await writeFileSafely(folder.model, bytes);
  const peakMebibytes = process.resourceUsage().maxRSS / 1024;
  const result = { run, folder, evaluation, ...(profile && { profile }), peakMebibytes };
  const { lines, stopping } = run.validation;
  const numbers = {
    ...{ machine, settings, step, seconds, stoppedEarly },
    evaluation: summary(evaluation),
    ...(lines.length > 0 && { validation: lines, best: stopping.best }),
    ...(profile && { profile }),
    peakMebibytes,
  };
  await writeFileSafely(folder.pictures, await pairMosaic(originals, reconstructions, judged));
  await writeFileSafely(folder.report, reportPage(describe(options, result, pictures)));
  await writeFileSafely(folder.numbers, `${JSON.stringify(numbers, undefined, 2)}\n`);
  console.record("done", { step, seconds, ...summary(evaluation), ...profile, peakMebibytes });
  return result;
}

function describe(
  { run, judged, held, machine }: FinishOptions,
  { evaluation, profile, peakMebibytes }: RunResult,
  pictures: Report["pairs"],
): Report {
  const { settings, model, seconds, step, validation } = run;
  const { best } = validation.stopping;
  const total = evaluation.counts.length;
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
      ...(best ? [["best PSNR", `${best.score.toFixed(2)} dB at step ${best.step}`] as const] : []),
      ["training", clock(seconds)],
      ["peak memory", `${grouped(peakMebibytes)} MiB`],
    ],
    history: run.history,
    validation: validation.lines,
    profile: profile ? profileLines(profile) : [],
    usage: evaluation.counts,
    held,
    pairs: pictures,
    configuration: [
      ["image size", `${judged.width} x ${judged.height}, ${judged.channels} channel(s)`],
      ...Object.entries(settings).map(([name, value]) => [name, shownSetting(value)] as const),
      ...layers(model.config),
    ],
  };
}

const shownSetting = (value: unknown) =>
  typeof value === "object" ? JSON.stringify(value) : String(value);

function layers(config: ModelConfig): [string, string][] {
  return config.parts.map((part, i) => {
    const { type, ...options } = part;
    return [`part ${i + 1}: ${type}`, JSON.stringify(options)];
  });
}
