import type { FullEvaluation } from "../measure/pictureEvaluation.ts";
import type { Console } from "../output/console.ts";
import { clock, grouped, small } from "../output/words.ts";
import { profileLines } from "../training/profile.ts";
import type { RunResult } from "../training/result.ts";

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
export function showEvaluation(evaluation: FullEvaluation, console: Console): void {
  const { psnr, ssim, msSsim, images, perplexity, usedCodes, counts, bytes, losses } = evaluation;
  console.say(`PSNR             ${psnr.toFixed(2)} dB, of ${grouped(images)} images`);
  if (ssim !== undefined) console.say(`SSIM             ${ssim.toFixed(4)}`);
  if (msSsim !== undefined) console.say(`MS-SSIM          ${msSsim.toFixed(4)}`);
  console.say(
    `bits per pixel   ${evaluation.bitsPerPixel.toFixed(3)}: ${grouped(bytes)} bytes as a .vq file`,
  );
  console.say(`  packed         ${evaluation.packedBitsPerPixel.toFixed(3)}`);
  console.say(`  entropy        ${evaluation.entropyBitsPerPixel.toFixed(3)}, code by code`);
  console.say(`perplexity       ${perplexity.toFixed(1)}`);
  console.say(`used codes       ${usedCodes} of ${counts.length}`);
  for (const [name, loss] of Object.entries(losses)) {
    console.say(`${`${name} loss`.padEnd(17)}${small(loss)}`);
  }
}
