import { stat } from "node:fs/promises";
import { Failure } from "../../failure.ts";
import { listFolder } from "../../input/folders.ts";
import type { Console } from "../../output/console.ts";
import { tellLeftOut } from "../../output/leftOut.ts";
import type { Settings } from "../settings.ts";
import { type SoundData, soundData } from "./soundData.ts";

/** Opens the sounds that the user named, and says what is left out. */
export async function openSoundData(settings: Settings, console: Console): Promise<SoundData> {
  const { data, skipUnreadable } = settings;
  const found = await stat(data).catch(() => undefined);
  const { files, others } = found?.isFile()
    ? { files: [data], others: [] }
    : await listFolder(data, "sounds");
  tellLeftOut(console, "no sounds by their names", others);
  const broken: string[] = [];
  let opened = false;
  const skip = (error: Error) => {
    broken.push(error.message);
    if (opened) tellLeftOut(console, "unreadable", [error.message]);
  };
  const made = await soundData(files, settings, skipUnreadable ? skip : undefined);
  opened = true;
  tellLeftOut(console, "unreadable", broken);
  if (made.count > 0) return made;
  throw new Failure(`${data}: expected at least one readable sound, got none`);
}
