import type { VqFile } from "vector-quantize/codes";

/** What a `.vq` file holds. */
export interface CodesInspection {
  readonly file: string;
  readonly bytes: number;
  readonly pictures: number;
  /** What is coded, read and lost together. */
  readonly groups: number;
  readonly model?: string;
  /** The name of the prior that decoding needs. */
  readonly prior?: string;
  readonly quantizer?: { readonly type: string };
  readonly codebookSizes: readonly number[];
  /** Pixels of the pictures whose size is told, and the file's bits for each. */
  readonly pixels: number;
  readonly bitsPerPixel?: number;
  /** Of sounds: how long they are all together, and the file's bits for a second. */
  readonly seconds?: number;
  readonly bitsPerSecond?: number;
  /** Indices, and the file's bits for each; what they would take packed. */
  readonly codes: number;
  readonly bitsPerCode: number;
  readonly packedBitsPerCode: number;
  readonly damage: readonly string[];
}

/** A picture of a `.vq` file. */
export interface CodesEntry {
  readonly name: string | undefined;
  readonly shape: readonly number[];
  readonly size: readonly number[] | undefined;
}

/** Whether a file's codes are of sounds: its header tells the rate of the model. */
export const isOfSounds = ({ header }: VqFile) => typeof header.metadata?.sampleRate === "number";

/** Looks at a file's header and at the heads of its groups: no codes are read. */
export async function inspectCodes(
  path: string,
  file: VqFile,
  see: (entry: CodesEntry) => void,
): Promise<CodesInspection> {
  const { header, bytes, count, groups } = file;
  const { layers, model, prior, quantizer } = header;
  const damage = [...file.damage];
  const sound = isOfSounds(file);
  let [pixels, positions, seconds] = [0, 0, 0];
  for await (const { name, shape, size } of file.entries({
    onDamage: ({ message }) => damage.push(message),
  })) {
    positions += shape.reduce((product, side) => product * side, 1);
    if (sound) seconds += (size?.[0] ?? 0) / (size?.[1] ?? 1);
    else pixels += size?.reduce((product, side) => product * side, 1) ?? 0;
    see({ name, shape, size });
  }
  const codes = positions * layers.length;
  const packed = layers.reduce((sum, { size }) => sum + Math.log2(size), 0) / layers.length;
  return {
    ...{ file: path, bytes, pictures: count, groups },
    ...(model !== undefined && { model }),
    ...(prior !== undefined && { prior }),
    ...(quantizer && { quantizer }),
    codebookSizes: layers.map(({ size }) => size),
    pixels,
    ...(pixels > 0 && { bitsPerPixel: (8 * bytes) / pixels }),
    ...(seconds > 0 && { seconds, bitsPerSecond: (8 * bytes) / seconds }),
    ...{ codes, bitsPerCode: (8 * bytes) / codes, packedBitsPerCode: packed },
    damage,
  };
}
