import type { Console } from "../output/console.ts";
import { clock, grouped } from "../output/words.ts";
import { profileLines } from "../training/profile.ts";
import type { RunResult } from "../training/result.ts";

/** Says what a run reached, and where its files are. */
export function showResult(result: RunResult, console: Console): void {
  const { run, folder, findings, files, best, profile, peakMebibytes } = result;
  console.say(`trained          ${grouped(run.step)} steps in ${clock(run.seconds)}`);
  for (const line of findings) console.say(line);
  if (best !== undefined) console.say(`best             ${best}`);
  for (const [part, time] of profile ? profileLines(profile) : []) {
    console.say(`${part.padEnd(18)} ${time} of a step`);
  }
  console.say(`peak memory      ${grouped(peakMebibytes)} MiB`);
  console.say(`report           ${folder.report}`);
  for (const [what, path] of files) console.say(`${what.padEnd(17)}${path}`);
  console.say(`model            ${folder.model}`);
  if (best !== undefined) console.say(`best model       ${folder.best}`);
}
