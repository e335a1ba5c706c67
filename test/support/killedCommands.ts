import { cpSync, existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { killAt, type Moment } from "./killedRuns.ts";
import { contentsOf, runVq } from "./vq.ts";

/** A command that writes files, and what an uninterrupted one wrote. */
export interface WritingCommand {
  readonly name: string;
  /** The command that writes into a folder. */
  args(folder: string): string[];
  readonly whole: string;
  /** A folder with other files of the same names, which some of the commands replace. */
  readonly old: string;
  /** When it may be killed. */
  readonly moments: readonly Moment[];
}

/** Whether a process that is told to end may clean up. */
const signals = ["SIGKILL", "SIGKILL", "SIGINT", "SIGTERM"] as const;

/**
 * Kills a command, looks at what it left, and lets it run again to its end.
 *
 * @returns what happened, in words
 * @throws Error if a file is neither the old one nor whole, or a leftover stays.
 */
export async function killedCommand(
  folder: string,
  { name, args, whole, old, moments }: WritingCommand,
  draw: () => number,
): Promise<string> {
  const replaces = draw() < 0.5;
  if (replaces) cpSync(old, folder, { recursive: true });
  else mkdirSync(folder);
  const moment = moments[Math.floor(draw() * moments.length)] as Moment;
  const signal = signals[Math.floor(draw() * signals.length)] as NodeJS.Signals;
  const { code, signal: killedBy } = await killAt(args(folder), folder, moment, draw, signal);
  const [wanted, before] = [contentsOf(whole), replaces ? contentsOf(old) : {}];
  const found = contentsOf(folder);
  const fail = (what: string) => {
    throw new Error(`${name}, ${moment.name}, ${signal}, code ${code}: ${what}`);
  };
  let done = 0;
  for (const [file, content] of Object.entries(found)) {
    if (file.startsWith(".")) {
      if (killedBy !== "SIGKILL" && existsSync(join(folder, file))) fail(`left ${file}`);
    } else if (content === wanted[file]) done++;
    else if (content !== before[file]) fail(`half of ${file}`);
  }
  const again = await runVq(args(folder));
  if (again.code !== 0) fail(`again: ${again.stderr}`);
  const ended = contentsOf(folder);
  for (const file of readdirSync(whole)) if (ended[file] !== wanted[file]) fail(`again: ${file}`);
  if (Object.keys(ended).length !== Object.keys(wanted).length) fail("again: more files");
  rmSync(folder, { recursive: true });
  const how = killedBy ?? (code === 130 ? `${signal}, cleaned up` : "ended before");
  return `${name}: ${how}, ${done === 0 ? "none" : done < Object.keys(wanted).length ? "some" : "all"} written`;
}
