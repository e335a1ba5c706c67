import { dirname, join } from "node:path";
import { openFileStream } from "./fileStream.ts";
import { createFolder } from "./files.ts";
import { toPcm16, wavHeader } from "./wav.ts";

/** How long a sound is, in samples, and how many of them a second has. */
export interface SoundLength {
  readonly sampleRate: number;
  readonly length: number;
}

/**
 * Writes sounds as WAV files into a folder, in folders of their own where their names say so. They are as
 * long as is said: longer ones are cut off, shorter ones end in silence.
 */
export function soundFolder(
  folder: string,
): (file: string, size: SoundLength, pieces: AsyncIterable<Float32Array>) => Promise<void> {
  const made = new Set<string>();
  return async (file, { sampleRate, length }, pieces) => {
    const path = join(folder, file);
    const parent = dirname(path);
    if (!made.has(parent)) await createFolder(parent);
    made.add(parent);
    const stream = await openFileStream(path);
    try {
      await stream.write(wavHeader(sampleRate, length));
      let left = length;
      for await (const piece of pieces) {
        await stream.write(toPcm16(piece.subarray(0, left)));
        left -= Math.min(left, piece.length);
        if (left === 0) break;
      }
      await stream.write(new Uint8Array(2 * left));
      await stream.finish();
    } finally {
      await stream.discard();
    }
  };
}
