import { dirname, join } from "node:path";
import { createFolder } from "./files.ts";
import { type PictureSize, writePicture } from "./pictures.ts";

/** Writes pictures into a folder, in folders of their own where their files' names say so. */
export function pictureFolder(
  folder: string,
): (file: string, picture: PictureSize & { readonly pixels: Uint8Array }) => Promise<void> {
  const made = new Map<string, Promise<void>>();
  return async (file, picture) => {
    const path = join(folder, file);
    const parent = dirname(path);
    const creation = made.get(parent) ?? createFolder(parent);
    made.set(parent, creation);
    await creation;
    await writePicture(path, picture);
  };
}
