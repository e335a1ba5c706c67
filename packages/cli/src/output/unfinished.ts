import { rmSync } from "node:fs";
import { interruptedCode } from "../failure.ts";

/** Files that are being written under a temporary name. */
const unfinished = new Set<string>();

/** Notes that a file is being written, until the returned function is called. */
export function beginFile(path: string): () => void {
  unfinished.add(path);
  return () => void unfinished.delete(path);
}

/**
 * From here on, Ctrl-C and SIGTERM remove what is half written and end the process. A process that is
 * killed leaves it; `removeLeftovers` finds it.
 */
export function cleanUpWhenInterrupted(): void {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      for (const path of unfinished) rmSync(path, { force: true });
      process.exit(interruptedCode);
    });
  }
}
