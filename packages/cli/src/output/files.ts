import {
  type FileHandle,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
} from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Failure } from "../failure.ts";
import { ownerName, parseOwner, stateOf, thisOwner } from "./owner.ts";
import { beginFile, openUnfinished } from "./unfinished.ts";

/** Where a process writes a file before it gets its name. */
export function temporaryName(path: string, owner = thisOwner): string {
  return join(dirname(path), `.${basename(path)}.${ownerName(owner)}.tmp`);
}

const temporary = /^\..+\.([\w-]+)\.tmp$/;

/** Removes what processes that are gone were writing into a folder when they ended. */
export async function removeLeftovers(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names) {
    const owner = parseOwner(temporary.exec(name)?.[1] ?? "");
    if (owner && stateOf(owner) === "gone") await rm(join(folder, name), { force: true });
  }
}

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
  const written = temporaryName(path);
  const ended = beginFile(written);
  try {
    await checkReplaceable(path);
    const file = await openUnfinished(written);
    try {
      await file.writeFile(content);
      if (sync) await file.sync();
    } finally {
      await file.close();
    }
    await rename(written, path);
  } catch (error) {
    await rm(written, { force: true });
    throw new Failure(`${path}: expected to write the file, got ${reason(error)}`);
  } finally {
    ended();
  }
}

/** Throws for what a new file can't take the place of: a folder, and /dev/null would be gone. */
export async function checkReplaceable(path: string): Promise<void> {
  const before = await stat(path).catch(() => undefined);
  if (before) checkRegular(before);
}

/** Reads a file that must be there. */
export async function readInput(path: string): Promise<Uint8Array> {
  try {
    const found = await stat(path);
    checkRegular(found);
    return await readFile(path);
  } catch (error) {
    throw new Failure(`${path}: expected a readable file, got ${reason(error)}`);
  }
}

/** Opens a file that must be there, to be read. */
export async function openInput(path: string): Promise<FileHandle> {
  try {
    const file = await open(path);
    try {
      checkRegular(await file.stat());
      return file;
    } catch (error) {
      await file.close();
      throw error;
    }
  } catch (error) {
    throw new Failure(`${path}: expected a readable file, got ${reason(error)}`);
  }
}

/** Throws for what can't be read to its end, or waits for somebody to write: folders, devices and pipes. */
export function checkRegular(found: { isFile(): boolean; isDirectory(): boolean }): void {
  if (found.isFile()) return;
  throw new Failure(found.isDirectory() ? "a folder" : "a device, a pipe or a socket");
}

/** Makes a folder, and those that it lies in, if they are not there; removes leftovers if it is. */
export async function createFolder(path: string): Promise<void> {
  try {
    await makeFolders(path);
    await removeLeftovers(path);
  } catch (error) {
    throw new Failure(`${path}: expected to create the folder, got ${reason(error)}`);
  }
}

/** `mkdir` with `recursive` tries for ever where the system says "no such folder" of a folder that is to be made, as in /proc. */
async function makeFolders(path: string): Promise<void> {
  const isFolder = () =>
    stat(path).then(
      (found) => found.isDirectory(),
      () => false,
    );
  if (await isFolder()) return;
  if (dirname(path) !== path) await makeFolders(dirname(path));
  await mkdir(path).catch(async (error) => {
    if (!(await isFolder())) throw error; // another process may have made it
  });
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
    EDQUOT: "a full quota",
    EFBIG: "a limit on the size of files",
    EROFS: "a read-only file system",
    EIO: "an error of the device",
  };
  return words[code] ?? (error instanceof Error ? error.message : String(error));
}
