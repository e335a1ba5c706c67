import { checkInteger, checkNumber } from "../errors.ts";
import { checkNumbers } from "./numbers.ts";

/**
 * Bits a pixel with every index written in `log2 K` bits:
 * `vectors / pixels * sum over the codebooks of log2 K`.
 *
 * @param codebookSizes one entry per index that a vector gets: `quantizer.codebookSizes`
 * @param vectors quantized vectors of an image
 * @param pixels pixels of that image, whatever its channels
 */
export function bitsPerPixel(
  codebookSizes: readonly number[],
  vectors: number,
  pixels: number,
): number {
  checkNumbers("bitsPerPixel: codebookSizes", codebookSizes);
  for (const size of codebookSizes) checkInteger("bitsPerPixel: codebookSizes", size);
  const bits = codebookSizes.reduce((sum, size) => sum + Math.log2(size), 0);
  return perPixel("bitsPerPixel", bits, vectors, pixels);
}

/**
 * Bits a pixel after ideal entropy coding: `vectors / pixels * sum of the entropies`.
 *
 * @param entropies bits a code, one per index that a vector gets: `codeEntropy(counts)` of each
 * @param vectors quantized vectors of an image
 * @param pixels pixels of that image, whatever its channels
 */
export function entropyBitsPerPixel(
  entropies: readonly number[],
  vectors: number,
  pixels: number,
): number {
  checkNumbers("entropyBitsPerPixel: entropies", entropies);
  for (const entropy of entropies) checkNumber("entropyBitsPerPixel: entropies", entropy, 0);
  const bits = entropies.reduce((sum, entropy) => sum + entropy, 0);
  return perPixel("entropyBitsPerPixel", bits, vectors, pixels);
}

function perPixel(where: string, bits: number, vectors: number, pixels: number): number {
  checkInteger(`${where}: vectors`, vectors, 0);
  checkInteger(`${where}: pixels`, pixels);
  return (bits * vectors) / pixels;
}
