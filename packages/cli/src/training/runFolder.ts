import { readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { modelName } from "../codec/modelFile.ts";
import { priorName } from "../codec/prior.ts";
import { Failure } from "../failure.ts";
import { writeFileSafely } from "../output/files.ts";
import type { MetricLine } from "../report/page.ts";

/** The files of a run. */
export interface RunFolder {
  readonly path: string;
  /** What `--config` takes to do the same again. */
  readonly config: string;
  readonly model: string;
  /** What codes of the model are told from, where `encode --prior` writes them. */
  readonly prior: string;
  /** The model at its best evaluation. */
  readonly best: string;
  readonly training: string;
  readonly metrics: string;
  readonly report: string;
  /** The report's numbers, for programs. */
  readonly numbers: string;
  /** Pairs to look at, of pictures; and of sounds their spectrograms. */
  readonly pictures: string;
}

export function runFolder(path: string): RunFolder {
  return {
    path,
    config: join(path, "config.json"),
    model: join(path, modelName),
    prior: join(path, priorName),
    best: join(path, "best.safetensors"),
    training: join(path, "training.safetensors"),
    metrics: join(path, "metrics.jsonl"),
    report: join(path, "report.html"),
    numbers: join(path, "report.json"),
    pictures: join(path, "reconstructions.png"),
  };
}

/** Throws if a fresh run would overwrite another one. */
export async function checkUnused(folder: RunFolder): Promise<void> {
  const found = await stat(folder.training).catch(() => undefined);
  if (found !== undefined) {
    throw new Failure(
      `${folder.path}: expected a folder without a run, got one. Go on with it by --resume, or start again by --overwrite`,
    );
  }
}

/** Which checkpoint lies in the folder: another text for each one that is written. */
export async function checkpointStamp({ training }: RunFolder): Promise<string> {
  const found = await stat(training).catch(() => undefined);
  return found ? [found.ino, found.size, found.mtimeMs].join() : "none";
}

/** Removes what an earlier run in the folder came to. The checkpoint is the new run's already. */
export async function removeResults(folder: RunFolder): Promise<void> {
  const { model, prior, best, metrics, report, numbers, pictures } = folder;
  for (const file of [model, prior, best, metrics, report, numbers, pictures]) {
    await rm(file, { force: true });
  }
}

/** Whether the run's end at `step` has been written out whole. Its numbers come last. */
export async function isFinished(folder: RunFolder, step: number): Promise<boolean> {
  try {
    for (const file of [folder.model, folder.pictures, folder.report]) await stat(file);
    return JSON.parse(await readFile(folder.numbers, "utf8")).step === step;
  } catch {
    return false;
  }
}

/** Writes all lines anew, so that the file never ends in half a line. */
export async function writeMetrics(folder: RunFolder, lines: readonly MetricLine[]): Promise<void> {
  const text = lines.map((line) => `${JSON.stringify(line)}\n`).join("");
  await writeFileSafely(folder.metrics, text, false); // the checkpoint has them too
}
