import { stat } from "node:fs/promises";
import { Failure } from "../../failure.ts";
import { listFolder } from "../folders.ts";
import { openSound, type SoundFile } from "./soundFiles.ts";
import { usualRate } from "./sounds.ts";

/** The rate that most of some sounds have, by their headers. */
export async function rateOfSounds(source: string, skipUnreadable: boolean): Promise<number> {
  const found = await stat(source);
  const files = found.isFile() ? [source] : (await listFolder(source, "sounds")).files;
  const opened: SoundFile[] = [];
  for (const path of files) {
    try {
      opened.push(await openSound(path));
    } catch (error) {
      if (!(skipUnreadable && error instanceof Failure)) throw error;
    }
  }
  if (opened.length > 0) return usualRate(opened);
  throw new Failure(`${source}: expected at least one readable sound, got none`);
}
