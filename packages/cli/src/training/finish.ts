import { tree } from "@jax-js/jax";
import { saveModel } from "vector-quantize/nn";
import type { TrainState } from "vector-quantize/train";
import type { Console } from "../output/console.ts";
import { writeFileSafely } from "../output/files.ts";
import { grouped, small } from "../output/words.ts";
import { reportPage } from "../report/page.ts";
import { dataName, reportOf } from "./reportOf.ts";
import type { FinishOptions, RunResult } from "./result.ts";
import { type Run, trainerOf } from "./run.ts";

/** Judges the trained model by what it was not trained on, and writes model and report. */
export async function finishRun(options: FinishOptions, console: Console): Promise<RunResult> {
  const { run, folder, judge, profile, stoppedEarly, machine } = options;
  const { model, state, settings, step, seconds } = run;
  const variables = trainerOf(model, settings).averaged(tree.ref(state as never) as TrainState);
  const conclusion = await judge.conclude({ model, variables, folder });
  const { summary, findings } = conclusion;
  const details = { ...judge.details, settings, seconds, validation: summary };
  await writeFileSafely(
    folder.model,
    await saveModel(model, tree.ref(variables as never), details),
  );
  const files = await conclusion.writeFiles(console.note);
  const peakMebibytes = process.resourceUsage().maxRSS / 1024;
  const { lines, stopping } = run.validation;
  const numbers = {
    ...{ machine, settings: { ...settings, data: dataName(settings) } },
    ...{ step, seconds, stoppedEarly },
    evaluation: summary,
    ...(lines.length > 0 && { validation: lines, best: stopping.best }),
    ...(profile && { profile }),
    peakMebibytes,
  };
  const best = bestOf(run);
  const result: RunResult = {
    ...{ run, folder, findings, files, peakMebibytes },
    ...(best !== undefined && { best }),
    ...(profile && { profile }),
  };
  const report = reportOf(options, await conclusion.report(), result);
  await writeFileSafely(folder.report, reportPage(report));
  tree.dispose(variables as never);
  await writeFileSafely(folder.numbers, `${JSON.stringify(numbers, undefined, 2)}\n`);
  console.record("done", { step, seconds, ...summary, ...profile, peakMebibytes });
  return result;
}

/** The best evaluation in the middle of a run, in words. */
function bestOf({ validation: { stopping }, settings }: Run): string | undefined {
  const { best } = stopping;
  if (!best) return undefined;
  const { score, step } = best;
  const value = settings.medium === "sounds" ? `mel ${small(-score)}` : `${score.toFixed(2)} dB`;
  return `${value} at step ${grouped(step)}`;
}
