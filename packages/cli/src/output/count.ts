import cliProgress from "cli-progress";
import type { Console } from "./console.ts";
import { clock, grouped } from "./words.ts";

/** Shows how many of a number of things are done. */
export interface Count {
  add(count: number): void;
  stop(): void;
}

/** Seconds between lines where nobody watches. */
const linePause = 10;

/** A bar on a terminal, a plain line now and then for logs, nothing for programs. */
export function createCount(console: Console, total: number, what: string): Count {
  const began = performance.now();
  let [done, shownAt] = [0, 0];
  const words = (seconds: number) =>
    `${grouped(done)} of ${grouped(total)} ${what}, ${clock((seconds * (total - done)) / Math.max(1, done))} left`;
  const bar = console.live
    ? new cliProgress.SingleBar({
        format: "{bar} {percentage}% {words}",
        barsize: 24,
        barCompleteChar: "█",
        barIncompleteChar: "░",
        hideCursor: true,
        linewrap: false,
        clearOnComplete: true,
        stream: process.stderr,
        gracefulExit: false, // Ctrl-C is ours
        fps: 5,
      })
    : undefined;
  bar?.start(Math.max(1, total), 0, { words: "" });
  return {
    add(count) {
      done += count;
      const seconds = (performance.now() - began) / 1000;
      if (bar) bar.update(done, { words: words(seconds) });
      else if (seconds - shownAt >= linePause) {
        console.note(words(seconds));
        shownAt = seconds;
      }
    },
    stop: () => bar?.stop(),
  };
}
