import { basename, resolve } from "node:path";
import { describeQuantizer } from "vector-quantize/options";
import { codebookPatches } from "../codec/codebookPatches.ts";
import type { PictureModel } from "../codec/modelFile.ts";
import { codebookPicture } from "../output/codebookPicture.ts";
import { clock, described, flagOf, grouped, small } from "../output/words.ts";
import type { CodebookView, Report, Table } from "../report/page.ts";
import { galleryOf } from "./gallery.ts";
import { profileLines } from "./profile.ts";
import type { FinishOptions, RunResult } from "./result.ts";
import { allDeclarations, defaultSettings, type Settings } from "./settings.ts";

/** What the data are called where others may read it: without the folders that they lie in. */
export function dataName({ data }: Pick<Settings, "data">): string {
  return basename(resolve(data)) || data;
}

/** What the report of a run shows. */
export async function reportOf(
  { run, data, judged, shown, held, machine }: FinishOptions,
  model: PictureModel,
  { evaluation, profile, peakMebibytes }: RunResult,
): Promise<Report> {
  const { settings, seconds, step, validation } = run;
  const { best } = validation.stopping;
  const { psnr, ssim, bitsPerPixel, packedBitsPerPixel, losses, counts } = evaluation;
  const codebook = await codebookOf(model, counts);
  return {
    title: `Vector-quantized autoencoder on ${dataName(settings)}`,
    summary:
      `${grouped(step)} steps of ${settings.batch} images in ${clock(seconds)}, on ${machine}. ` +
      `The numbers below are of ${grouped(evaluation.images)} images of ${judged.width} x ${judged.height} ` +
      (held ? "that were held back from training." : "of the training set."),
    numbers: [
      ["PSNR", `${psnr.toFixed(2)} dB`],
      ...(ssim === undefined ? [] : [["SSIM", ssim.toFixed(3)] as const]),
      ["bits per pixel on disk", bitsPerPixel.toFixed(3)],
      ["bits per pixel packed", packedBitsPerPixel.toFixed(3)],
      ["perplexity", evaluation.perplexity.toFixed(1)],
      ["used codes", `${grouped(evaluation.usedCodes)} of ${grouped(counts.length)}`],
      ...Object.entries(losses).map(([name, loss]) => [`${name} loss`, small(loss)] as const),
      ...(best ? [["best PSNR", `${best.score.toFixed(2)} dB at step ${best.step}`] as const] : []),
      ["training", clock(seconds)],
      ["peak memory", `${grouped(peakMebibytes)} MiB`],
    ],
    history: run.history,
    validation: validation.lines,
    ...(profile && { profile: { columns: ["part", "time"], rows: profileLines(profile) } }),
    usage: counts,
    held,
    gallery: await galleryOf(model, data, shown),
    ...(codebook && { codebook }),
    ...settingsTables(settings),
    layers: {
      columns: ["layer", "its options"],
      rows: model.model.config.parts.map(({ type, ...options }) => [type, described(options)]),
    },
  };
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

/** The settings of a run: those that are not as by default, and those that are. */
function settingsTables(settings: Settings): { set: Table; defaults: Table } {
  const { type, ...options } = settings.quantizer;
  const texts = new Map(describeQuantizer(type).options.map(({ name, text }) => [name, text]));
  const all = { ...settings } as Readonly<Record<string, unknown>>;
  const fallbacks = { ...defaultSettings } as Readonly<Record<string, unknown>>;
  const columns = ["setting", "value", "what it means"];
  const rows = allDeclarations.map(([name, { text }]) => ({
    isSet: all[name] !== fallbacks[name],
    row: [flagOf(name).replaceAll("-", " "), shownValue(all[name]), text],
  }));
  return {
    set: {
      ...{ explained: true, columns },
      rows: [
        ["data", dataName(settings), "what was trained on"],
        ["quantizer", type, firstSentence(describeQuantizer(type).summary)],
        ...Object.entries(options).map(([name, value]) => [
          name,
          shownValue(value),
          firstSentence(texts.get(name) ?? ""),
        ]),
        ...rows.filter(({ isSet }) => isSet).map(({ row }) => row),
      ],
    },
    defaults: {
      explained: true,
      columns,
      rows: rows.filter(({ isSet }) => !isSet).map(({ row }) => row),
    },
  };
}

const shownValue = (value: unknown) =>
  typeof value === "boolean" ? (value ? "yes" : "no") : described(value);

/** The first sentence of a comment, as prose. */
function firstSentence(text: string): string {
  const [sentence] = /^.*?[.:](?=\s|$)/.exec(text) ?? [text];
  return sentence.replaceAll("`", "").replace(/:$/, ".");
}
