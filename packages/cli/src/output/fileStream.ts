import { rename, rm } from "node:fs/promises";
import { Failure } from "../failure.ts";
import { checkReplaceable, reason, temporaryName } from "./files.ts";
import { beginFile, openUnfinished } from "./unfinished.ts";

/** A file that is written piece by piece, and has its name once it is whole. */
export interface FileStream {
  write(bytes: Uint8Array): Promise<void>;
  /** Gives the file its name. */
  finish(): Promise<void>;
  /** Removes what is written, unless it is finished. */
  discard(): Promise<void>;
}

/** Begins a file at `path`. What is there stays until the new one is finished. */
export async function openFileStream(path: string): Promise<FileStream> {
  const written = temporaryName(path);
  const attempt = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw new Failure(`${path}: expected to write the file, got ${reason(error)}`);
    }
  };
  const ended = beginFile(written);
  const file = await attempt(async () => {
    await checkReplaceable(path);
    return await openUnfinished(written);
  }).catch((error) => {
    ended();
    throw error;
  });
  let unfinished = true;
  return {
    write: (bytes) => attempt(async () => void (await file.writeFile(bytes))),
    async finish() {
      await attempt(async () => {
        await file.sync();
        await file.close();
        await rename(written, path);
      });
      unfinished = false;
      ended();
    },
    async discard() {
      if (!unfinished) return;
      await file.close().catch(() => undefined);
      await rm(written, { force: true });
      ended();
    },
  };
}
