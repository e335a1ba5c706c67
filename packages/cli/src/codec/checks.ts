import { Failure } from "../failure.ts";

const broken = "The weights of the model are too large, or damaged";

/**
 * Throws for vectors that got no code: that is how quantizers mark what is not finite.
 *
 * @param length codes of an image
 * @param called what errors call the image of a number
 */
export function checkCoded(
  codes: Int32Array,
  length: number,
  called: (image: number) => string,
): void {
  const none = codes.indexOf(-1);
  if (none >= 0) throw notFinite(called(Math.floor(none / length)));
}

/** Throws for vectors that are not finite; `length` numbers an image. */
export function checkVectors(
  vectors: Float32Array,
  length: number,
  called: (image: number) => string,
): void {
  const at = vectors.findIndex((value) => !Number.isFinite(value));
  if (at >= 0) throw notFinite(called(Math.floor(at / length)));
}

const notFinite = (image: string) =>
  new Failure(
    `${image}: expected a code for each of its vectors, got vectors that are not finite. ${broken}`,
  );

/** Throws for pixels that are no numbers, or infinite; `length` of them an image. */
export function checkPixels(
  floats: Float32Array,
  length: number,
  called: (image: number) => string,
): void {
  const at = floats.findIndex((value) => !Number.isFinite(value));
  if (at === -1) return;
  throw new Failure(
    `${called(Math.floor(at / length))}: expected finite pixels, got ${floats[at]}. ${broken}`,
  );
}
