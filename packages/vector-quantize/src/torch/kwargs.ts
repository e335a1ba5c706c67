import { checkKnownOptions, expected } from "../errors.ts";
import type { Kind } from "../options/kinds.ts";

/** A constructor option of the reference. */
export interface Kwarg {
  readonly kind: Kind;
  /** Its default; `null` is Python's `None`, and nothing means that it has to be given. */
  readonly fallback?: unknown;
}

/** Constructor options of a class by their names. */
export type KwargTable = Readonly<Record<string, Kwarg>>;

/** Options by their names, of either side. */
export type NamedValues = Readonly<Record<string, unknown>>;

export const required: Kwarg = { kind: "number" };
export const numberKwarg = (fallback: number): Kwarg => ({ kind: "number", fallback });
export const flagKwarg = (fallback: boolean): Kwarg => ({ kind: "boolean", fallback });
/** An option whose default depends on others, or that may be off. */
export const maybe = (kind: Kind): Kwarg => ({ kind, fallback: null });

/** Checks the names and kinds of `given` and fills in the defaults; to a flag, `None` is `False`. */
export function completeKwargs(where: string, given: NamedValues, table: KwargTable): NamedValues {
  checkKnownOptions(where, given, Object.keys(table));
  const values = Object.entries(table).map(([name, { kind, fallback }]) => {
    const off = given[name] === null && kind === "boolean" && fallback !== null;
    const value = off ? false : (given[name] ?? fallback);
    if (value === undefined) throw expected(`${where}: ${name}`, `a ${kind}`, given[name]);
    if (value !== null && kind !== "object" && typeof value !== kind) {
      throw expected(`${where}: ${name}`, `a ${kind}`, value);
    }
    return [name, value];
  });
  return Object.fromEntries(values);
}

/** Those options that are not the default. */
export function withoutDefaults(kwargs: NamedValues, table: KwargTable): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(kwargs).filter(([name, value]) => value !== table[name]?.fallback),
  );
}
