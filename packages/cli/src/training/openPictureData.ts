import { stat } from "node:fs/promises";
import { Failure } from "../failure.ts";
import { builtIn, isNamedAs, listFolder } from "../input/folders.ts";
import { loadImages } from "../input/images.ts";
import type { Console } from "../output/console.ts";
import { tellLeftOut } from "../output/leftOut.ts";
import { arrayData } from "./arrayData.ts";
import type { PictureData } from "./data.ts";
import { photoData } from "./photoData.ts";
import type { Settings } from "./settings.ts";

/** Side of the built-in pictures, unless the user chooses another. */
const shapesSide = 32;

/** Opens the pictures that the user named, and says what is left out. */
export async function openPictureData(settings: Settings, console: Console): Promise<PictureData> {
  const { data, size, images: count, seed, skipUnreadable } = settings;
  const found = data === builtIn ? undefined : await stat(data).catch(() => undefined);
  const isPicture = found?.isFile() && isNamedAs("pictures", data);
  if (!found?.isDirectory() && !isPicture) {
    const shapes = { count, seed };
    const request = { size: size || shapesSide, channels: 3, shapes } as const;
    return arrayData(await loadImages(data, request), settings);
  }
  const { files, others } = isPicture
    ? { files: [data], others: [] }
    : await listFolder(data, "pictures");
  tellLeftOut(console, "no images by their names", others);
  const broken: string[] = [];
  const skip = (error: Error) => {
    broken.push(error.message);
    if (opened) tellLeftOut(console, "unreadable", [error.message]);
  };
  let opened = false;
  const made = await photoData(files, settings, skipUnreadable ? skip : undefined);
  opened = true;
  tellLeftOut(console, "unreadable", broken);
  if (made.count > 0) return made;
  throw new Failure(`${data}: expected at least one readable image, got none`);
}
