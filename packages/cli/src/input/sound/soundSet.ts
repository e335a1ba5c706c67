import { stat } from "node:fs/promises";
import { basename, relative, sep } from "node:path";
import { Failure } from "../../failure.ts";
import { decodedNames } from "../../output/decodedNames.ts";
import { listFolder } from "../folders.ts";
import { identityOf } from "../identity.ts";
import { withMend } from "../imageFiles.ts";
import type { Part } from "../pictureSet.ts";
import { openSound, type SoundFile } from "./soundFiles.ts";

/** A sound, and what the file of its reconstruction is to be called. */
export interface SoundWithFile {
  /** A relative path, with `/` between its parts. */
  readonly name: string;
  readonly file: string;
  readonly sound: SoundFile;
}

/** Sounds that a user named, one after another. */
export interface SoundSet {
  readonly count: number;
  /** Files in the folder that are no sounds by their names. */
  readonly others: readonly string[];
  /** Which sounds these are, in their order: by names, sizes and times. */
  identity(): Promise<string>;
  /**
   * What `read` makes of each in its turn.
   *
   * @param skipped is told of each that can't be read, where these are left out
   * @param part numbers of those that are wanted. Default: all
   */
  all<T>(
    read: (sound: SoundWithFile) => Promise<T>,
    skipped: (why: string) => void,
    part?: Part,
  ): AsyncGenerator<T>;
}

/** The sounds in a folder, or one file. */
export async function openSoundSet(source: string, skipUnreadable: boolean): Promise<SoundSet> {
  const found = await stat(source).catch(() => undefined);
  if (found === undefined) {
    throw new Failure(
      `${source}: expected a sound or a folder of sounds, got no such file or folder`,
    );
  }
  const isFolder = found.isDirectory();
  const { files, others } = isFolder
    ? await listFolder(source, "sounds")
    : { files: [source], others: [] };
  const names = files.map((path) =>
    isFolder ? relative(source, path).split(sep).join("/") : basename(path),
  );
  const outputs = decodedNames(names, "sounds");
  return {
    ...{ count: files.length, others },
    identity: () => identityOf(files.map((path, i) => ({ path, name: names[i] as string }))),
    async *all(read, skipped, { from, to } = { from: 0, to: files.length }) {
      for (let i = from; i < to; i++) {
        const path = files[i] as string;
        try {
          const sound = await openSound(path);
          yield await read({ name: names[i] as string, file: outputs[i] as string, sound });
        } catch (error) {
          if (!(error instanceof Failure && error.message.startsWith(`${path}: `))) throw error;
          if (!skipUnreadable) throw withMend(error);
          skipped(error.message);
        }
      }
    },
  };
}
