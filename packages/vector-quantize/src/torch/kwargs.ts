import { checkKnownOptions, expected } from "../errors.ts";
import type { OptionTable } from "../options/table.ts";

/** A constructor option of the reference. */
export interface Kwarg<Value> {
  readonly kind: "number" | "boolean" | "string" | "object";
  /** Its default; `null` is Python's `None`, and nothing means that it has to be given. */
  readonly fallback?: Value;
}

type Table = Record<string, Kwarg<unknown>>;

/** The options of a table with every default filled in. */
export type Completed<T extends Table> = {
  [Name in keyof T]: T[Name] extends Kwarg<infer Value> ? Value : never;
};

export const required: Kwarg<number> = { kind: "number" };
export const numberKwarg = (fallback: number): Kwarg<number> => ({ kind: "number", fallback });
export const text = (fallback: string): Kwarg<string> => ({ kind: "string", fallback });
export const flagKwarg = (fallback: boolean): Kwarg<boolean> => ({ kind: "boolean", fallback });
/** An option whose default depends on others, or that may be off. */
export const maybeNumber: Kwarg<number | null> = { kind: "number", fallback: null };
export const maybeFlag: Kwarg<boolean | null> = { kind: "boolean", fallback: null };
/** A function or module of the user's. */
export const own: Kwarg<unknown> = { kind: "object", fallback: null };

/** Checks the names and kinds of `given` and fills in the defaults. */
export function completeKwargs<T extends Table>(
  where: string,
  given: Record<string, unknown>,
  table: T,
): Completed<T> {
  checkKnownOptions(where, given, Object.keys(table));
  const values = Object.entries(table).map(([name, { kind, fallback }]) => {
    const value = given[name] ?? fallback;
    if (value === undefined) throw expected(`${where}: ${name}`, `a ${kind}`, given[name]);
    if (value !== null && kind !== "object" && typeof value !== kind) {
      throw expected(`${where}: ${name}`, `a ${kind}`, value);
    }
    return [name, value];
  });
  return Object.fromEntries(values) as Completed<T>;
}

/** Those options that are not the default. */
export function withoutDefaults(
  kwargs: Readonly<Record<string, unknown>>,
  table: Table,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(kwargs).filter(([name, value]) => value !== table[name]?.fallback),
  );
}

/** The options by which residual classes drop layers. */
export const dropoutNames = [
  "quantizeDropout",
  "quantizeDropoutCutoffIndex",
  "quantizeDropoutMultipleOf",
] as const;

/** Options that both sides have, by the same name in their spelling. */
export interface SharedOptions {
  /** The reference's, for a table of its constructor options. */
  readonly kwargs: Record<string, Kwarg<unknown>>;
  /** Ours of theirs, those that are not the default. */
  ours(kwargs: Record<string, unknown>): Record<string, unknown>;
  /** Theirs of ours. */
  theirs(given: object): Record<string, unknown>;
}

/**
 * @param names options of the table with the same default there: one that depends on other options, or
 *   that may be absent, is `None`
 */
export function sharedOptions<Given extends object>(
  { defaults }: Pick<OptionTable<Given, unknown>, "defaults">,
  names: readonly (keyof Given & string)[],
): SharedOptions {
  const all = names.map((name) => {
    const snake = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    return { name, snake, fallback: defaults[name] ?? null };
  });
  return {
    kwargs: Object.fromEntries(
      all.map(({ snake, fallback }) => [
        snake,
        { kind: typeof fallback as Kwarg<unknown>["kind"], fallback },
      ]),
    ),
    ours: (kwargs) =>
      Object.fromEntries(
        all
          .filter(({ snake, fallback }) => kwargs[snake] !== fallback)
          .map(({ name, snake }) => [name, kwargs[snake]]),
      ),
    theirs: (given) =>
      Object.fromEntries(
        all.map(({ name, snake, fallback }) => [
          snake,
          (given as Record<string, unknown>)[name] ?? fallback,
        ]),
      ),
  };
}
