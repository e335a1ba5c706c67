import { signal } from "@preact/signals";
import type { ImagesRow, ImagesSettings, ImagesSnapshot } from "./contract.ts";

/** A training of this visit, to be compared with others. */
export interface ImagesRun {
  readonly name: string;
  readonly steps: readonly number[];
  readonly psnr: readonly number[];
  /** Of the pictures that are looked at, in the end. */
  readonly shownPsnr: number;
  readonly bitsAPixel: number;
}

/** Runs that were ended by the next one; the last few. */
export const earlierRuns = signal<readonly ImagesRun[]>([]);

const most = 5;
const leastSteps = 30;

/** Names a run by what one would tell it from others. */
function nameOf({ quantizer, options, patch }: ImagesSettings): string {
  const { codebookSize, levels, numQuantizers } = options;
  const size = codebookSize ?? (Array.isArray(levels) ? levels.join(" ") : "");
  const layers = numQuantizers ? ` x ${numQuantizers}` : "";
  return `${quantizer} ${size}${layers}, patch ${patch}`;
}

/** What a run came to so far. */
export function runOf(
  settings: ImagesSettings,
  rows: readonly ImagesRow[],
  { shown }: ImagesSnapshot,
): ImagesRun {
  const smooth: number[] = [];
  for (const [, , , psnr] of rows) {
    const before = smooth.at(-1) ?? psnr;
    smooth.push(before + 0.1 * (psnr - before));
  }
  return {
    name: nameOf(settings),
    steps: rows.map(([step]) => step),
    psnr: smooth,
    shownPsnr: shown.psnr,
    bitsAPixel: shown.bitsAPixel,
  };
}

/** Keeps a run that has come far enough to be compared. */
export function keepRun(run: ImagesRun): void {
  if ((run.steps.at(-1) ?? 0) < leastSteps) return;
  earlierRuns.value = [...earlierRuns.value, run].slice(-most);
}
