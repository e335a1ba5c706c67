import { setImmediate } from "node:timers/promises";
import { Failure } from "../failure.ts";
import { clean } from "./clean.ts";
import { reason } from "./files.ts";

type Stream = "stdout" | "stderr";

/** What went wrong with a stream: nothing is written to it any more. */
const broken: Partial<Record<Stream, NodeJS.ErrnoException>> = {};

const keep: Record<Stream, (error: NodeJS.ErrnoException) => void> = {
  stdout: (error) => {
    broken.stdout ??= error;
  },
  stderr: (error) => {
    broken.stderr ??= error;
  },
};

/**
 * Lets the work go on when nobody reads its output any more, or the disk behind it is full.
 *
 * Without a listener, an error of these streams ends the process.
 */
export function watchStreams(): void {
  for (const stream of ["stdout", "stderr"] as const) {
    process[stream].off("error", keep[stream]).on("error", keep[stream]); // once, of several runs too
  }
}

/** Writes one line, cleaned: all that `vq` prints comes through here. */
export function print(stream: Stream, line: string): void {
  if (!broken[stream]) process[stream].write(`${clean(line)}\n`);
}

/**
 * Throws if results were lost. A closed pipe is no loss: `vq inspect | head` has read what it wanted.
 */
export async function checkPrinted(): Promise<void> {
  await setImmediate(); // errors of streams come late
  const { stdout } = broken;
  if (stdout === undefined || stdout.code === "EPIPE") return;
  throw new Failure(`standard output: expected to write to it, got ${reason(stdout)}`);
}
