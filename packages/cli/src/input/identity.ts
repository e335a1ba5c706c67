import { stat } from "node:fs/promises";
import { inParallel } from "./photos.ts";

/** Files that are looked at at once. */
const concurrency = 8;

/** Which files these are, in their order: by names, sizes and times. */
export async function identityOf(
  files: readonly { readonly path: string; readonly name: string }[],
): Promise<string> {
  const all = await inParallel(files, concurrency, async ({ path, name }) => {
    const found = await stat(path).catch(() => undefined);
    return [name, found?.size, found?.mtimeMs];
  });
  return JSON.stringify(all);
}
