import { hasCodes } from "vector-quantize";
import { codeShape } from "./codeShape.ts";
import type { PictureModel } from "./modelFile.ts";
import { createPictureCodec } from "./pictures.ts";

/** Codes as the decoder shows them. */
export interface CodebookPatches {
  /** The codes, and the pixels of each, `[patch, patch, channels]` bytes. */
  readonly codes: readonly number[];
  readonly patches: readonly Uint8Array[];
  readonly patch: number;
  readonly channels: number;
  /** Codes of the codebook; of the first one where a position has several. */
  readonly size: number;
}

/** A code is decoded in the middle of so many of its kind, along each side. */
const field = 5;
/** Most codes, and most pixels that are decoded for them. */
const mostCodes = 1024;
const mostPixels = 2 ** 21;

/**
 * Decodes codes each by itself, the most used first: every index of a position is the code, but for the later
 * layers of a residual quantizer, which are left out. Undefined where codes have no place or no picture.
 *
 * @param uses of the first codebook's codes, or of all
 */
export async function codebookPatches(
  model: PictureModel,
  uses: ArrayLike<number>,
): Promise<CodebookPatches | undefined> {
  const { patch, images } = model;
  const { quantizer } = model.model;
  const shape = codeShape(quantizer);
  if (!hasCodes(quantizer) || shape.positions === 1) return undefined;
  const sizes = quantizer.codebookSizes;
  const size = sizes[0] as number;
  const count = Math.min(size, mostCodes, Math.floor(mostPixels / (field * patch) ** 2));
  const ranked = Array.from({ length: size }, (_, code) => code);
  ranked.sort((a, b) => (uses[b] as number) - (uses[a] as number) || a - b);
  const codes = ranked.slice(0, Math.max(1, count));
  const each = sizes.length / Math.max(1, shape.groups);
  const residual = /residual/i.test(quantizer.config.type);
  const indicesOf = (code: number) =>
    sizes.map((own, q) => (residual && q % each > 0 ? -1 : code % own));
  const codec = createPictureCodec(model);
  const patches: Uint8Array[] = [];
  const side = field * patch;
  const together = codec.batchSize({ height: side, width: side });
  for (let first = 0; first < codes.length; first += together) {
    const coded = codes.slice(first, first + together).map((code) => {
      const position = indicesOf(code);
      const all = Array.from({ length: field * field }, () => position);
      return { shape: [field, field], codes: Int32Array.from(all.flat()) };
    });
    for (const { pixels } of await codec.decode(coded)) {
      patches.push(middleOf(pixels, side, patch, images.channels));
    }
  }
  return { codes, patches, patch, channels: images.channels, size };
}

/** The square of `patch` pixels in the middle of one of `side` pixels. */
function middleOf(pixels: Uint8Array, side: number, patch: number, channels: number): Uint8Array {
  const begin = (side - patch) / 2;
  const middle = new Uint8Array(patch * patch * channels);
  for (let row = 0; row < patch; row++) {
    const from = ((begin + row) * side + begin) * channels;
    middle.set(pixels.subarray(from, from + patch * channels), row * patch * channels);
  }
  return middle;
}
