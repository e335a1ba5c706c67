import cliProgress from "cli-progress";
import type { Console } from "../output/console.ts";
import { clock, grouped, small } from "../output/words.ts";
import type { MetricLine } from "../report/page.ts";

/** Shows how training goes on. */
export interface Progress {
  /** `line` holds the newest numbers of a run of `steps` steps. */
  update(line: MetricLine, steps: number): void;
  stop(): void;
}

/** A bar on a terminal, and a plain line now and then for logs. Nothing for programs. */
export function createProgress(console: Console, codes: number): Progress {
  if (console.json) return { update() {}, stop() {} };
  return console.live ? bar(codes) : plainLines(console, codes);
}

/** Width of the text beside the bar, at most. */
const textWidth = 84;
const narrowest = 4;

function bar(codes: number): Progress {
  const space = (process.stderr.columns ?? 80) - textWidth;
  const single = new cliProgress.SingleBar({
    format: "{bar} {percentage}% {words}",
    barsize: Math.min(30, Math.max(narrowest, space)),
    barCompleteChar: "█",
    barIncompleteChar: "░",
    hideCursor: true,
    linewrap: false,
    stream: process.stderr,
    gracefulExit: false, // Ctrl-C is ours
    fps: 5,
  });
  single.start(1000, 0, { words: "compiling" });
  return {
    update(line, steps) {
      const text = words(line, steps, space < narrowest ? undefined : codes);
      single.update(Math.round((1000 * line.step) / steps), { words: text });
    },
    stop: () => single.stop(),
  };
}

/** Seconds between lines where nobody watches. */
const linePause = 10;

function plainLines(console: Console, codes: number): Progress {
  let shownAt = 0;
  let last: string | undefined;
  const show = (text: string) => console.note(text);
  return {
    update(line, steps) {
      last = `step ${line.step}/${steps} ${words(line, steps, codes)}`;
      if (line.seconds - shownAt < linePause) return;
      show(last);
      last = undefined;
      shownAt = line.seconds;
    },
    stop() {
      if (last !== undefined) show(last);
    },
  };
}

/** @param codes the number of codes that could be used; left out where space is short. */
function words(line: MetricLine, steps: number, codes?: number): string {
  return [
    `loss ${small(line.loss, 2)}`,
    `commit ${small(line.commitment, 2)}`,
    line.mel === undefined ? `${line.psnr.toFixed(1)} dB` : `mel ${small(line.mel)}`,
    `ppl ${line.perplexity.toFixed(0)}`,
    `used ${line.usedCodes}${codes === undefined ? "" : `/${codes}`}`,
    `${grouped(line.imagesPerSecond)} ${line.mel === undefined ? "img" : "pieces"}/s`,
    `${clock((line.seconds * (steps - line.step)) / line.step)} left`,
  ].join(" ");
}
