import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, watch } from "node:fs";
import { join } from "node:path";
import { contentsOf, type Outcome, runVq, startVq } from "./vq.ts";

/** When to kill: at a change of a file in the run's folder, or after some time. */
export interface Moment {
  readonly name: string;
  /** The file, or the beginning of its temporary name. */
  readonly file?: string;
  /** At which change of it; drawn from 1 to this number. */
  readonly changes?: number;
  /** Milliseconds; drawn from 0 to this number. */
  readonly within?: number;
}

/** The phases of a run, from its lock to the last file of its report. */
export const moments: readonly Moment[] = [
  { name: "at any time", within: 6000 },
  { name: "lock", file: ".lock", changes: 2 },
  { name: "checkpoint being written", file: ".training.safetensors.", changes: 12 },
  { name: "checkpoint there", file: "training.safetensors", changes: 3 },
  { name: "metrics", file: "metrics.jsonl", changes: 40 },
  { name: "metrics being written", file: ".metrics.jsonl.", changes: 40 },
  { name: "best model", file: "best.safetensors", changes: 1 },
  { name: "model being written", file: ".model.safetensors.", changes: 3 },
  { name: "model there", file: "model.safetensors", changes: 2 },
  { name: "pictures", file: ".reconstructions.png.", changes: 3 },
  { name: "report being written", file: ".report.html.", changes: 3 },
  { name: "report there", file: "report.html", changes: 2 },
  { name: "numbers", file: ".report.json.", changes: 3 },
];

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function draws(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Calls `act` at the moment in a folder, unless it is stopped before by what this returns. */
export function whenIn(
  folder: string,
  { file, changes = 1, within = 0 }: Moment,
  draw: () => number,
  act: () => void,
): () => void {
  let left = 1 + Math.floor(draw() * changes);
  const timer = file === undefined ? setTimeout(act, draw() * within) : undefined;
  const watcher = watch(folder, (_, name) => {
    if (file === undefined || name === null) return;
    const seen = file.endsWith(".") ? name.startsWith(file) : name === file;
    if (seen && --left === 0) act();
  });
  return () => {
    clearTimeout(timer);
    watcher.close();
  };
}

/** Runs `vq` on a folder and sends `signal` at the moment. */
export async function killAt(
  args: readonly string[],
  folder: string,
  moment: Moment,
  draw: () => number,
  signal: NodeJS.Signals,
): Promise<Outcome & { readonly signal: NodeJS.Signals | null }> {
  const started = startVq(args);
  const stop = whenIn(folder, moment, draw, () => started.child.kill(signal));
  const outcome = await started;
  stop();
  return { ...outcome, signal: started.child.signalCode };
}

interface Tensors {
  readonly header: Record<string, unknown>;
  readonly metadata: Record<string, string>;
  readonly numbers: Buffer;
}

/** A safetensors file: what describes the arrays, what stands beside them, and the arrays. */
export function tensorsOf(path: string): Tensors {
  const bytes = readFileSync(path);
  const begin = 8 + Number(bytes.readBigUInt64LE(0));
  const { __metadata__: metadata, ...header } = JSON.parse(bytes.toString("utf8", 8, begin));
  return { header, metadata, numbers: bytes.subarray(begin) };
}

/** The lines of metrics, without what a clock says. */
export function metricsOf(folder: string): Record<string, number>[] {
  const lines = readFileSync(join(folder, "metrics.jsonl"), "utf8").split("\n");
  if (lines.pop() !== "") throw new Error(`${folder}: half a line of metrics`);
  return lines.map((line) => {
    const { seconds: _, imagesPerSecond: _rate, ...rest } = JSON.parse(line);
    return rest;
  });
}

/** How far a run has come. Throws if one of its files is no whole file. */
export function stateOfRun(folder: string): {
  readonly phase: "nothing" | "marked" | "checkpoint" | "last checkpoint" | "model" | "report";
  readonly seed?: number;
} {
  const has = (name: string) => existsSync(join(folder, name));
  if (has("metrics.jsonl")) metricsOf(folder);
  for (const name of ["model.safetensors", "best.safetensors"]) {
    if (has(name)) tensorsOf(join(folder, name));
  }
  if (
    has("report.html") &&
    !readFileSync(join(folder, "report.html"), "utf8").endsWith("</html>\n")
  ) {
    throw new Error(`${folder}: half a report`);
  }
  if (!has("training.safetensors")) return { phase: "nothing" };
  const { metadata } = tensorsOf(join(folder, "training.safetensors"));
  const { step, settings } = JSON.parse(metadata.details as string);
  const { seed, steps } = settings;
  if (step === 0) return { phase: "marked", seed };
  if (step < steps) return { phase: "checkpoint", seed };
  if (!has("model.safetensors")) return { phase: "last checkpoint", seed };
  const done = has("report.json") && JSON.parse(readFileSync(join(folder, "report.json"), "utf8"));
  return { phase: done && done.step === step ? "report" : "model", seed };
}

/** A kind of run, with what an uninterrupted one came to. */
export interface Kind {
  readonly args: readonly string[];
  /** Folder of an uninterrupted run. */
  readonly straight: string;
  /** Folder of a finished run with another seed, which some chains overwrite. */
  readonly old: string;
}

/**
 * A run that is killed again and again and resumed each time, and at last left to end.
 *
 * @param count called after each kill, with its moment and how far the run had come.
 * @throws Error if any file is not what the uninterrupted run has.
 */
export async function killedRun(
  folder: string,
  { args, straight, old }: Kind,
  draw: () => number,
  count: (moment: string, phase: string) => void,
): Promise<void> {
  const overwrites = draw() < 0.3;
  if (overwrites) cpSync(old, folder, { recursive: true });
  else mkdirSync(folder);
  const { seed } = stateOfRun(straight);
  const command = () => {
    const { phase, seed: found } = stateOfRun(folder);
    if (found === seed) return [...args, "--out", folder, "--resume"];
    if (!overwrites && phase === "nothing") return [...args, "--out", folder];
    compare("the old run", withoutLeftovers(folder), withoutLeftovers(old));
    return [...args, "--out", folder, "--overwrite"];
  };
  for (let links = 1 + Math.floor(draw() * 4); links > 0; links--) {
    const moment = moments[Math.floor(draw() * moments.length)] as Moment;
    const signal = draw() < 0.15 ? "SIGTERM" : "SIGKILL";
    const outcome = await killAt(command(), folder, moment, draw, signal);
    // SIGTERM kills too where there is nothing to save.
    if (outcome.signal) count(moment.name, stateOfRun(folder).phase);
    else checkEnd(outcome);
  }
  const last = await runVq(command());
  checkEnd(last);
  // Killed after the last file, the run was done: nobody came to take the lock over.
  const names = readdirSync(folder).filter((name) => last.code === 0 || name !== ".lock");
  compare("names", names.sort(), readdirSync(straight).sort());
  compare("metrics", metricsOf(folder), metricsOf(straight));
  for (const name of ["training", "model", "best"]) {
    const [ended, wanted] = [folder, straight].map((run) =>
      tensorsOf(join(run, `${name}.safetensors`)),
    ) as [Tensors, Tensors];
    compare(`${name}: header`, ended.header, wanted.header);
    if (!ended.numbers.equals(wanted.numbers)) throw new Error(`${folder}: ${name} differs`);
  }
  compare("state", stateOfRun(folder), { phase: "report", seed });
}

/** A run ends well, was asked to stop, or says that it has ended before. */
function checkEnd({ code, stderr }: Outcome): void {
  if (code === 0 || code === 130 || stderr.includes("which are done")) return;
  throw new Error(`exit code ${code}: ${stderr}`);
}

/** What lies in a folder, but for temporary files and the lock. */
function withoutLeftovers(folder: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(contentsOf(folder)).filter(([name]) => !name.startsWith(".")),
  );
}

function compare(what: string, got: unknown, wanted: unknown): void {
  const [a, b] = [got, wanted].map((value) => JSON.stringify(value));
  if (a !== b) throw new Error(`${what}: expected ${b}, got ${a}`);
}
