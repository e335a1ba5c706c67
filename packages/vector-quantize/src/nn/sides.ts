import { checkInteger, expected } from "../errors.ts";
import { declared, type Fallback } from "../options/kinds.ts";

/** One size for both axes of an image, or one for each. */
export type Sides = number | readonly [vertical: number, horizontal: number];

/** Throws unless `value` is an integer from `min` to `max`, or a list of two, which `names` names. */
export function checkPair(
  where: string,
  value: unknown,
  names: string,
  min: number,
  max?: number,
): void {
  if (!Array.isArray(value)) {
    checkInteger(where, value, min, max);
    return;
  }
  if (value.length !== 2) throw expected(where, `a number or ${names}`, value);
  for (const [at, each] of value.entries()) checkInteger(`${where}[${at}]`, each, min, max);
}

/** An option: an integer from `min` to `max`, or `[vertical, horizontal]`. */
export const sides = (fallback: Fallback<Sides>, min: number, max?: number): Sides =>
  declared<Sides>(
    (where, value) => checkPair(where, value, "[vertical, horizontal]", min, max),
    fallback,
  );

/** `[vertical, horizontal]`. */
export const bothSides = (given: Sides): readonly [vertical: number, horizontal: number] =>
  typeof given === "number" ? [given, given] : given;

/** What an option of both sides is called along one of them: `kernelSize`, or `kernelSize[1]`. */
export const sideName = (name: string, given: Sides, at: 0 | 1): string =>
  typeof given === "number" ? name : `${name}[${at}]`;
