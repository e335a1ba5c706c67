import { basename, resolve } from "node:path";
import { describeQuantizer } from "vector-quantize/options";
import { clock, described, flagOf, grouped } from "../output/words.ts";
import type { MediumReport, Report, Table } from "../report/page.ts";
import { profileLines } from "./profile.ts";
import type { FinishOptions, RunResult } from "./result.ts";
import { declarationsOf, defaultsOf, type Settings } from "./settings.ts";

/** What the data are called where others may read it: without the folders that they lie in. */
export function dataName({ data }: Pick<Settings, "data">): string {
  return basename(resolve(data)) || data;
}

/** What the report of a run shows: what its judge found, and all else. */
export function reportOf(
  { run, machine }: FinishOptions,
  found: MediumReport,
  { best, profile, peakMebibytes }: RunResult,
): Report {
  const { settings, seconds, step, validation, model } = run;
  return {
    ...found,
    title: `Vector-quantized autoencoder on ${dataName(settings)}`,
    summary:
      `${grouped(step)} steps of ${settings.batch} ${settings.medium === "sounds" ? "pieces" : "images"} ` +
      `in ${clock(seconds)}, on ${machine}.`,
    numbers: [
      ...found.numbers,
      ...(best === undefined ? [] : [["best", best] as const]),
      ["training", clock(seconds)],
      ["peak memory", `${grouped(peakMebibytes)} MiB`],
    ],
    history: run.history,
    validation: validation.lines,
    ...(profile && { profile: { columns: ["part", "time"], rows: profileLines(profile) } }),
    ...settingsTables(settings),
    layers: {
      columns: ["layer", "its options"],
      rows: model.config.parts.map(({ type, ...options }) => [type, described(options)]),
    },
  };
}

/** The settings of a run: those that are not as by default, and those that are. */
function settingsTables(settings: Settings): { set: Table; defaults: Table } {
  const { type, ...options } = settings.quantizer;
  const texts = new Map(describeQuantizer(type).options.map(({ name, text }) => [name, text]));
  const all = { ...settings } as Readonly<Record<string, unknown>>;
  const medium = settings.medium ?? "pictures";
  const fallbacks = { ...defaultsOf(medium) } as Readonly<Record<string, unknown>>;
  const columns = ["setting", "value", "what it means"];
  const rows = declarationsOf(medium).map(([name, { text }]) => ({
    isSet: String(all[name]) !== String(fallbacks[name]),
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
