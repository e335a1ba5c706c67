/** What an option may be: a declaration has the type of the values, and is `{ check, fallback }`. */
import {
  checkBoolean,
  checkChoice,
  checkInteger,
  checkKnownOptions,
  checkNumber,
  expected,
} from "../errors.ts";

/** Throws at a value that cannot be used; `where` names it. */
export type Check = (where: string, value: unknown) => void;

/** The value of an option that is not given: fixed, or from the other options. */
export type Fallback<Value> = Value | ((options: never) => Value | undefined);

/** What `typeof` says of an option's values, if it says the same of all. */
export type Kind = "number" | "boolean" | "string" | "object";

/** What a field of a class of options holds at run time. Without a fallback it is required. */
export interface Declaration {
  readonly check: Check;
  readonly fallback?: unknown;
  /** Default `object`: anything. */
  readonly kind?: Kind;
  /** The words that it may be, of one that has no others. */
  readonly choices?: readonly string[];
  /** Whether it is an object of the user's own, which no text can say. */
  readonly own?: boolean;
}

/** A declaration, under the type of its values. */
export const declared = <Value>(
  check: Check,
  fallback?: Fallback<NoInfer<Value>>,
  kind: Kind = "object",
): Value => ({ check, fallback, kind }) satisfies Declaration as never;

/** The fallback of an option that may stay absent. */
export const absent = (): undefined => undefined;

const mostSize = 2 ** 31 - 1; // sizes and indices are int32
/** Most of what is built and run one by one, such as layers: a graph grows with each. */
const mostParts = 1024;
/** The least number that float32 divides by without infinity. */
const leastDivisor = 2 ** -126;

/** Throws unless `value` is a size. */
export const checkSize: Check = (where, value) => checkInteger(where, value, 1, mostSize);

/** An integer from `min` to `max`. */
export const integer = (fallback?: Fallback<number>, min = 1, max = mostSize): number =>
  declared((where, value) => checkInteger(where, value, min, max), fallback, "number");

/** How many there are of what is built and run one by one. */
export const count = (fallback?: Fallback<number>): number => integer(fallback, 1, mostParts);

/** A number from `min` to `max`. */
export const number = (fallback?: Fallback<number>, min?: number, max?: number): number =>
  declared((where, value) => checkFloat(where, value, min, max), fallback, "number");

/** A number from 0 on. */
export const atLeastZero = (fallback?: Fallback<number>): number => number(fallback, 0);

/** A number from 0 to 1. */
export const share = (fallback?: Fallback<number>): number => number(fallback, 0, 1);

/** A number above 0. */
export const positive = (fallback?: Fallback<number>, max?: number): number =>
  declared((where, value) => checkPositive(where, value, max), fallback, "number");

/** True or false. */
export const flag = (fallback?: Fallback<boolean>): boolean =>
  declared(checkBoolean, fallback, "boolean");

/** One of these words. */
export const choice = <Choice extends string>(
  choices: readonly Choice[],
  fallback?: Fallback<Choice>,
): Choice =>
  ({
    check: (where, value) => checkChoice(where, value, choices),
    fallback,
    kind: "string",
    choices,
  }) satisfies Declaration as never;

/** An object of the user's own; see `checkNamed`. */
export const named = <Value>(...functions: string[]): Value =>
  ({
    check: checkNamed(...functions),
    fallback: absent,
    kind: "object",
    own: true,
  }) satisfies Declaration as never;

/** Throws unless `value` is a number within the range that is finite in float32 too. */
export function checkFloat(where: string, value: unknown, min?: number, max?: number): void {
  checkNumber(where, value, min, max);
  if (!Number.isFinite(Math.fround(value))) {
    throw expected(where, "a number of float32, which ends at 3.4e38", value);
  }
}

/** Throws unless float32 can divide by `value`, a number above 0. */
export function checkPositive(where: string, value: unknown, max?: number): void {
  if (typeof value !== "number" || !(value >= leastDivisor)) {
    throw expected(where, `a ${max === undefined ? "finite " : ""}number above 0`, value);
  }
  checkFloat(where, value, leastDivisor, max);
}

/** An object with a name to save it by, and these functions: `loss`, say, or `optimizer.init`. */
export const checkNamed =
  (...functions: string[]): Check =>
  (where, value) => {
    const { name } = Object(value) as { name?: unknown };
    if (typeof value !== "object" || typeof name !== "string" || name === "") {
      throw expected(where, "an object with a name to save it by", value);
    }
    for (const path of functions) {
      const found = path.split(".").reduce<unknown>((part, key) => Object(part)[key], value);
      if (typeof found !== "function") {
        const mend = `Loading a model with ${JSON.stringify(name)} needs it again`;
        throw expected(`${where}.${path}`, "a function of yours", found, mend);
      }
    }
  };

/** One check for objects, another for all else. */
export const either =
  (object: Check, other: Check): Check =>
  (where, value) =>
    (typeof value === "object" && value && !Array.isArray(value) ? object : other)(where, value);

/** An object with this one entry. */
export const entry =
  (name: string, check: Check): Check =>
  (where, value) => {
    checkKnownOptions(where, value as object, [name]);
    check(`${where}.${name}`, (value as Record<string, unknown>)[name]);
  };

/** A list, not too long, of values that pass `check`. */
export const list =
  (what: string, check: Check, most = mostParts): Check =>
  (where, value) => {
    if (!Array.isArray(value) || value.length === 0) throw expected(where, what, value);
    if (value.length > most) throw expected(`${where}: length`, `at most ${most}`, value.length);
    for (const [at, each] of value.entries()) check(`${where}[${at}]`, each);
  };
