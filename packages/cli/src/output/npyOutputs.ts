import { extname, resolve } from "node:path";
import { UsageFailure } from "../failure.ts";

/** Files that a command reads or writes, by their names there; those that are not given are undefined. */
type Files = Readonly<Record<string, string | undefined>>;

/** Throws for files to write that are not `.npy`, of which two are one, or that are what is read. */
export function checkNpyOutputs(written: Files, read: Files): void {
  const taken = new Map<string, string>();
  for (const [name, path] of Object.entries(read)) {
    if (path !== undefined) taken.set(resolve(path), name);
  }
  for (const [flag, path] of Object.entries(written)) {
    if (path === undefined) continue;
    if (extname(path).toLowerCase() !== ".npy") {
      throw new UsageFailure(`--${flag}: expected a .npy file, got ${path}`);
    }
    const other = taken.get(resolve(path));
    if (other !== undefined) {
      throw new UsageFailure(`--${flag}: expected another file than ${other}, got ${path}`);
    }
    taken.set(resolve(path), `--${flag}`);
  }
}
