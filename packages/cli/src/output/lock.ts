import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { constants, copyFile, link, rm } from "node:fs/promises";
import { join } from "node:path";
import { Failure } from "../failure.ts";
import { reason, temporaryName } from "./files.ts";
import { type Owner, ownerName, parseOwner, stateOf, thisOwner } from "./owner.ts";
import { beginFile } from "./unfinished.ts";

/** A folder that this process alone works in, until disposed or the process ends. */
export interface Lock extends Disposable {
  /** Throws if the folder was deleted meanwhile, or is another process's. */
  check(): void;
}

const own = ownerName(thisOwner);

/**
 * Takes a folder for this process: a file in it names the process that holds it. What a dead process
 * left is taken over.
 *
 * @throws Failure naming the process that holds the folder.
 */
export async function lockFolder(folder: string): Promise<Lock> {
  const path = join(folder, ".lock");
  await acquire(path, folder);
  const release = () => {
    if (holderOf(path) === own) rmSync(path, { force: true });
  };
  process.on("exit", release);
  return {
    check() {
      if (holderOf(path) === own) return;
      throw new Failure(
        `${folder}: expected the folder that this run has begun in, got it deleted or taken by another process`,
      );
    },
    [Symbol.dispose]() {
      process.off("exit", release);
      release();
    },
  };
}

/**
 * A stale lock is removed only by the one process that holds the lock named after the lock's dead
 * holder. So no two processes remove one after the other, the second of them the first's new lock.
 */
async function acquire(path: string, folder: string): Promise<void> {
  while (!(await claim(path, folder))) {
    const holder = holderOf(path);
    if (holder === undefined) continue; // let go of meanwhile
    const owner = parseOwner(holder);
    if (owner === undefined || stateOf(owner) !== "gone") throw held(folder, path, owner);
    const heir = `${path}.${holder}`;
    await acquire(heir, folder);
    try {
      if (holderOf(path) === holder) await rm(path, { force: true });
    } finally {
      await rm(heir, { force: true });
    }
  }
}

/** Makes the file at `path` with this process's name in it. Whether there was none before. */
async function claim(path: string, folder: string): Promise<boolean> {
  const written = temporaryName(path);
  const ended = beginFile(written);
  try {
    writeFileSync(written, own);
    // A link appears with its content, at once. Where there are none (exFAT), a copy has to do.
    await link(written, path).catch((error) => {
      if (error.code === "EEXIST") throw error;
      return copyFile(written, path, constants.COPYFILE_EXCL);
    });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw new Failure(`${folder}: expected to write into the folder, got ${reason(error)}`);
  } finally {
    await rm(written, { force: true });
    ended();
  }
}

function held(folder: string, path: string, owner: Owner | undefined): Failure {
  const who = owner ? `process ${owner.pid} on ${owner.host}` : "an unknown process";
  const mend =
    owner && stateOf(owner) === "running"
      ? "Wait for its end, or choose another folder"
      : `If it has ended, remove ${path}`;
  return new Failure(
    `${folder}: expected a folder that no other process trains in, got one held by ${who}. ${mend}`,
  );
}

/** The name in a lock; undefined if there is no lock. */
function holderOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new Failure(`${path}: expected a readable file, got ${reason(error)}`);
  }
}
