import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Failure } from "../failure.ts";

/**
 * Writes a file so that a crash leaves either the old one or the new one, never a half.
 *
 * @param sync whether to wait until it is on the disk, so that it survives a loss of power too.
 */
export async function writeFileSafely(
  path: string,
  content: Uint8Array | string,
  sync = true,
): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
  try {
    const file = await open(temporary, "w");
    try {
      await file.writeFile(content);
      if (sync) await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw new Failure(`${path}: expected to write the file, got ${reason(error)}`);
  }
}

/** Reads a file that must be there. */
export async function readInput(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new Failure(`${path}: expected a readable file, got ${reason(error)}`);
  }
}

/** Makes a folder, and those that it lies in, if they are not there. */
export async function createFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (error) {
    throw new Failure(`${path}: expected to create the folder, got ${reason(error)}`);
  }
}

/** What went wrong with a file, in words. */
export function reason(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  const words: Record<string, string> = {
    ENOENT: "no such file or folder",
    EACCES: "no permission",
    EPERM: "no permission",
    EEXIST: "a file where a folder should be",
    EISDIR: "a folder",
    ENOTDIR: "a file where a folder should be",
    ENOSPC: "a full disk",
    EROFS: "a read-only file system",
  };
  return words[code] ?? (error instanceof Error ? error.message : String(error));
}
