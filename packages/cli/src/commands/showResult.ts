import type { CodecEvaluation } from "../codec/evaluate.ts";
import type { Console } from "../output/console.ts";
import { clock, grouped, small } from "../output/words.ts";
import type { RunResult } from "../training/finish.ts";
import { profileLines } from "../training/profile.ts";

/** Says what a run reached, and where its files are. */
export function showResult(result: RunResult, console: Console): void {
  const { run, folder, evaluation, profile, peakMebibytes } = result;
  console.say(`trained          ${grouped(run.step)} steps in ${clock(run.seconds)}`);
  showEvaluation(evaluation, console);
  const { best } = run.validation.stopping;
  if (best) {
    console.say(`best             ${best.score.toFixed(2)} dB at step ${grouped(best.step)}`);
  }
  for (const [part, time] of profile ? profileLines(profile) : []) {
    console.say(`${part.padEnd(18)} ${time} of a step`);
  }
  console.say(`peak memory      ${grouped(peakMebibytes)} MiB`);
  console.say(`report           ${folder.report}`);
  console.say(`reconstructions  ${folder.pictures}`);
  console.say(`model            ${folder.model}`);
  if (best) console.say(`best model       ${folder.best}`);
}

/** The numbers of an evaluation, one a line. */
export function showEvaluation(evaluation: CodecEvaluation, console: Console): void {
  const { psnr, perplexity, usedCodes, counts, bitsPerPixel, losses, images } = evaluation;
  console.say(`PSNR             ${psnr.toFixed(2)} dB, of ${grouped(images)} images`);
  console.say(`perplexity       ${perplexity.toFixed(1)}`);
  console.say(`used codes       ${usedCodes} of ${counts.length}`);
  console.say(`bits per pixel   ${bitsPerPixel.toFixed(3)}`);
  for (const [name, loss] of Object.entries(losses)) {
    console.say(`${`${name} loss`.padEnd(17)}${small(loss)}`);
  }
}
