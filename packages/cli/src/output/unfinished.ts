import { closeSync, openSync, rmSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { interruptedCode } from "../failure.ts";

/** Files that are being written under a temporary name. */
const unfinished = new Set<string>();

// However the process ends, short of being killed: then `removeLeftovers` finds what is left.
process.on("exit", () => {
  for (const path of unfinished) rmSync(path, { force: true });
});

/** Notes that a file is being written, until the returned function is called: it is removed if the process ends. */
export function beginFile(path: string): () => void {
  unfinished.add(path);
  return () => void unfinished.delete(path);
}

/** Opens a file that `beginFile` has noted, empty, to be written. */
export async function openUnfinished(path: string): Promise<FileHandle> {
  closeSync(openSync(path, "w")); // another thread might make it after it was removed
  return await open(path, "r+");
}

/** From here on, Ctrl-C and SIGTERM end the process in order, so that what is half written is removed. */
export function cleanUpWhenInterrupted(): void {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => process.exit(interruptedCode));
  }
}
