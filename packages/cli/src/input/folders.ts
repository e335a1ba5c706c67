import type { Dirent } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { extname, join } from "node:path";
import { Failure } from "../failure.ts";

export const imageEndings = [
  ...[".png", ".jpg", ".jpeg", ".webp"],
  ...[".gif", ".tif", ".tiff", ".avif"],
];

const soundEndings = [".wav", ".wave", ".flac", ".mp3", ".ogg", ".oga", ".opus"];

/** The word for the built-in image set. */
export const builtIn = "shapes";

/** What models are of. */
export type Medium = "pictures" | "sounds";

const media = {
  pictures: { endings: imageEndings, one: "image" },
  sounds: { endings: soundEndings, one: "sound" },
} as const;

/** What lies in a folder and the folders within it: paths in the order of their names. */
export interface FolderContents {
  readonly files: readonly string[];
  /** Files that are something else by their names, but for hidden ones. */
  readonly others: readonly string[];
}

/** The pictures or the sounds of a folder. Throws if there are none. */
export async function listFolder(folder: string, medium: Medium): Promise<FolderContents> {
  const found = await filesUnder(folder);
  const { endings, one } = media[medium];
  const files = found.filter((path) => hasEnding(path, endings));
  if (files.length === 0) {
    throw new Failure(`${folder}: expected at least one ${one} (${endings.join(", ")}), got none`);
  }
  return { files, others: found.filter((path) => !hasEnding(path, endings) && !isHidden(path)) };
}

/** Whether a path is called as files of a medium are. */
export const isNamedAs = (medium: Medium, path: string) => hasEnding(path, media[medium].endings);

/** What a folder or a file holds by the names: pictures, if nothing speaks for sounds. */
export async function mediumOf(source: string): Promise<Medium> {
  if (source === builtIn) return "pictures";
  const found = await stat(source).catch(() => undefined);
  if (found === undefined) {
    throw new Failure(
      `${source}: expected a folder of images or of sounds, one image or sound, an IDX file, a .npy file or ` +
        `the word "${builtIn}", got no such file or folder`,
    );
  }
  if (!found.isDirectory()) return isNamedAs("sounds", source) ? "sounds" : "pictures";
  const files = await filesUnder(source);
  const count = (medium: Medium) => files.filter((path) => isNamedAs(medium, path)).length;
  const [pictures, sounds] = [count("pictures"), count("sounds")];
  if (pictures > 0 && sounds > 0) {
    throw new Failure(
      `${source}: expected pictures or sounds, got ${pictures} of the one and ${sounds} of the other. Put them into folders of their own`,
    );
  }
  if (pictures + sounds === 0) {
    const endings = [...imageEndings, ...soundEndings].join(", ");
    throw new Failure(`${source}: expected at least one image or sound (${endings}), got none`);
  }
  return sounds > 0 ? "sounds" : "pictures";
}

async function filesUnder(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = await Promise.all(entries.map(isFile));
  return entries
    .filter((_, i) => files[i])
    .map(({ parentPath, name }) => join(parentPath, name))
    .sort();
}

const hasEnding = (path: string, endings: readonly string[]) =>
  endings.includes(extname(path).toLowerCase());

const isHidden = (path: string) => /(^|[\\/])\.[^\\/]*$/.test(path);

/** Not a pipe or a device, which would be waited for; a link that leads nowhere is an error later. */
async function isFile(entry: Dirent): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isFile();
  const found = await stat(join(entry.parentPath, entry.name)).catch(() => undefined);
  return found === undefined || found.isFile();
}
