/**
 * Every error text of the library, in one place.
 *
 * Form: `where: expected ..., got ...`, with both values and, where misuse is likely, the mend.
 */
import { didYouMean } from "./didYouMean.ts";

/** An option, argument or file that cannot be used as given. The message is one clear line. */
export class VectorQuantizeError extends Error {
  override readonly name = "VectorQuantizeError";
}

/** Shows a value in an error: numbers and short lists as they are, arrays by their shape, the rest by its kind. */
export function show(value: unknown, depth = 0): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "function") return `function ${value.name || "(anonymous)"}`;
  if (Array.isArray(value) && value.length <= 16 && depth < 3) {
    return `[${value.map((each) => show(each, depth + 1)).join(", ")}]`;
  }
  if (value === null || typeof value !== "object") return String(value);
  const { dtype, shape } = value as { dtype?: unknown; shape?: unknown };
  if (typeof dtype === "string" && Array.isArray(shape)) return `${dtype} ${show(shape)}`;
  const name: unknown = value.constructor?.name;
  return typeof name === "string" ? name : "object";
}

/** `where: expected <expected>, got <got>`, with an optional second sentence that tells the mend. */
export function expected(where: string, what: string, got: unknown, mend?: string) {
  return new VectorQuantizeError(
    `${where}: expected ${what}, got ${show(got)}${mend === undefined ? "" : `. ${mend}`}`,
  );
}

/** Throws unless `value` is an integer from `min` to `max`. */
export function checkInteger(
  where: string,
  value: unknown,
  min = 1,
  max = Number.POSITIVE_INFINITY,
): asserts value is number {
  if (!Number.isInteger(value) || (value as number) < min) {
    throw expected(where, `an integer of at least ${min}`, value);
  }
  if ((value as number) > max) throw expected(where, `at most ${max}`, value);
}

/** Throws unless `value` is a finite number within `[min, max]`. */
export function checkNumber(
  where: string,
  value: unknown,
  min = Number.NEGATIVE_INFINITY,
  max = Number.POSITIVE_INFINITY,
): asserts value is number {
  if (typeof value !== "number" || !Number.isFinite(value) || value < min || value > max) {
    const range =
      max === Number.POSITIVE_INFINITY
        ? min === Number.NEGATIVE_INFINITY
          ? "a finite number"
          : `a finite number of at least ${min}`
        : `a number from ${min} to ${max}`;
    throw expected(where, range, value);
  }
}

/** Throws unless `value` is true or false. */
export function checkBoolean(where: string, value: unknown): asserts value is boolean {
  if (typeof value !== "boolean") throw expected(where, "true or false", value);
}

/** Throws unless `value` is the bytes of a file; a `Buffer` of Node's is. */
export function checkBytes(where: string, value: unknown): asserts value is Uint8Array {
  const tag = (value as { [Symbol.toStringTag]?: unknown } | null | undefined)?.[
    Symbol.toStringTag
  ];
  if (tag === "Uint8Array") return;
  const mend = tag === "ArrayBuffer" ? "Wrap it: new Uint8Array(buffer)" : undefined;
  throw expected(where, "the bytes of a file, a Uint8Array", value, mend);
}

/** Throws unless `value` is one of `choices`. */
export function checkChoice<T extends string>(
  where: string,
  value: unknown,
  choices: readonly T[],
): asserts value is T {
  if (!choices.includes(value as T)) {
    throw expected(where, `one of ${choices.map((c) => JSON.stringify(c)).join(", ")}`, value);
  }
}

/**
 * Throws if `options` has a key that `known` does not list.
 *
 * @param mend what else a key may stand for. Default: the known name that is most like it
 */
export function checkKnownOptions(
  where: string,
  options: object,
  known: readonly string[],
  mend: (key: string, known: readonly string[], value: unknown) => string | undefined = didYouMean,
): void {
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) {
      const named = `${where}: option ${JSON.stringify(key)}`;
      const what = known.length === 0 ? "none" : `one of ${known.join(", ")}`;
      throw expected(named, what, key, mend(key, known, (options as Record<string, unknown>)[key]));
    }
  }
}

/** Most numbers of an array: 4 GiB of float32, which is all that a Wasm memory has. */
const mostNumbers = 2 ** 30;

/** Throws unless an array of `shape` can be held. */
export function checkHolds(where: string, what: string, ...shape: number[]): undefined {
  if (shape.reduce((product, size) => product * size, 1) > mostNumbers) {
    const most = `at most ${mostNumbers} numbers, 4 GiB of float32`;
    throw new VectorQuantizeError(`${where}: ${what}: expected ${most}, got ${shape.join(" x ")}`);
  }
}
