import { dirname } from "node:path";
import { type FileStream, openFileStream } from "./fileStream.ts";
import { removeLeftovers } from "./files.ts";

/** Files whose contents long work makes, begun before it. At its end what is not finished is removed. */
export interface Results extends AsyncDisposable {
  /** Writes them all, one after another; they have their names once the last is whole. */
  write(contents: readonly Uint8Array[]): Promise<void>;
}

/** Begins files: what can't be written is known before the work. */
export async function openResults(paths: readonly string[]): Promise<Results> {
  const streams: FileStream[] = [];
  const discard = async () => {
    for (const stream of streams) await stream.discard();
  };
  try {
    for (const path of paths) {
      await removeLeftovers(dirname(path));
      streams.push(await openFileStream(path));
    }
  } catch (error) {
    await discard();
    throw error;
  }
  return {
    async write(contents) {
      for (const [i, stream] of streams.entries()) await stream.write(contents[i] as Uint8Array);
      for (const stream of streams) await stream.finish();
    },
    [Symbol.asyncDispose]: discard,
  };
}
