import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { modelName } from "../codec/modelFile.ts";
import { Failure } from "../failure.ts";
import { writeFileSafely } from "../output/files.ts";
import type { MetricLine } from "../report/page.ts";

/** The files of a run. */
export interface RunFolder {
  readonly path: string;
  readonly model: string;
  /** The model at its best evaluation. */
  readonly best: string;
  readonly training: string;
  readonly metrics: string;
  readonly report: string;
  /** The report's numbers, for programs. */
  readonly numbers: string;
  readonly pictures: string;
}

export function runFolder(path: string): RunFolder {
  return {
    path,
    model: join(path, modelName),
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

export async function writeMetrics(folder: RunFolder, lines: readonly MetricLine[]): Promise<void> {
  await writeFileSafely(folder.metrics, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
}

/** The metrics of a run up to the step at which it is resumed. */
export async function readMetrics(folder: RunFolder, step: number): Promise<MetricLine[]> {
  const text = await readFile(folder.metrics, "utf8").catch(() => "");
  const lines = text.split("\n").filter((line) => line !== "");
  try {
    return lines.map((line) => JSON.parse(line) as MetricLine).filter((line) => line.step <= step);
  } catch {
    throw new Failure(`${folder.metrics}: expected JSON lines, got something else`);
  }
}
