/**
 * Options, declared once: a class whose fields are the declarations.
 *
 * ```text
 * class LinearOptions {
 *   // Features of the input.
 *   inFeatures: number = integer();
 *   // Whether a bias is added. Default true.
 *   bias?: boolean = flag(true);
 * }
 * const { options, config } = optionTable<LinearOptions>("linear", [LinearOptions]).read(given);
 * ```
 *
 * To the compiler a field has the type of its values, and editors show its comment; at run time only
 * `optionTable` makes an instance, which holds the declarations. So these classes are exported as
 * types alone.
 */
import { checkKnownOptions, expected, VectorQuantizeError } from "../errors.ts";
import type { Declaration } from "./kinds.ts";
import { meantByReference } from "./referenceNames.ts";

/** Every option but those that may stay absent. */
export type Complete<Given, Absent extends keyof Given = never> = Required<Omit<Given, Absent>> &
  Pick<Given, Absent>;

/**
 * What holds between options: throws, or gives what was expected and got, or false. Runs when each
 * option is right by itself and all defaults are filled in.
 *
 * @param given the options without their defaults
 */
export type Rule<Options, Given> = (
  options: Options,
  where: string,
  given: Given,
) => string | false | undefined;

/** A class of declarations. */
export type OptionClass = new () => object;

/** The options of one factory. */
export interface OptionTable<Given extends object, Options> {
  readonly name: string;
  /** Every option, in the order of its declaration. */
  readonly declarations: ReadonlyMap<string, Declaration>;
  /** The classes that declare them; of two with one name the later counts. */
  readonly classes: readonly OptionClass[];
  /** The defaults filled in; nothing is checked. */
  withDefaults(given: Given): Options;
  /**
   * Checks the options, one by one and together, and fills in the defaults. One that is undefined is
   * not given.
   *
   * @returns the options, and plain JSON that rebuilds what is made of them: objects of the user's own
   *   by their names
   */
  read(given: Given): { options: Options; config: Config };
  /** The table of a factory that hands these options on, rules and all, and has more of its own. */
  extended<Wider extends object>(
    name: string,
    more: OptionClass,
  ): OptionTable<Wider, Required<Wider>>;
}

type Config = { readonly type: string; readonly [option: string]: unknown };

/**
 * The table of a factory.
 *
 * @param classes the declarations; of two with one name the later counts
 * @param rules what holds between the options
 * @param refused options that the factory takes from its caller's hands, and why
 */
export function optionTable<Given extends object, Options = Required<Given>>(
  name: string,
  classes: readonly OptionClass[],
  rules: readonly Rule<Options, Given>[] = [],
  refused: Readonly<Record<string, string>> = {},
): OptionTable<Given, Options> {
  const fields = new Map(classes.flatMap(declarationsOf));
  const names = [...fields.keys()];
  const defaults = Object.fromEntries(
    [...fields]
      .map(([option, { fallback }]) => [option, fallback])
      .filter(([, fallback]) => fallback !== undefined && typeof fallback !== "function"),
  );
  const computed = [...fields].filter(([, { fallback }]) => typeof fallback === "function");

  const check = (own: Record<string, unknown>) => {
    for (const [option, { check, fallback }] of fields) {
      const isGiven = Object.hasOwn(own, option);
      if (isGiven || fallback === undefined) check(`${name}: ${option}`, own[option]);
    }
  };

  /** A copy without what is undefined: what the caller changes afterwards does not reach it. */
  const onlyGiven = (given: unknown): Record<string, unknown> => {
    if (typeof given !== "object" || given === null || Array.isArray(given)) {
      const required = names.filter((option) => fields.get(option)?.fallback === undefined);
      const what = required.length > 0 ? `an object with ${required.join(", ")}` : "an object";
      throw expected(`${name}: options`, what, given);
    }
    for (const [option, value] of Object.entries(given)) {
      if (!Object.hasOwn(refused, option)) continue;
      throw expected(`${name}: option ${option}`, `none; ${refused[option]}`, value);
    }
    checkKnownOptions(name, given, names, meantByReference);
    return Object.fromEntries(
      givenOf(given).map(([option, value]) => [option, Array.isArray(value) ? [...value] : value]),
    );
  };

  const withDefaults = (given: Given): Options => {
    const options = { ...defaults, ...Object.fromEntries(givenOf(given)) };
    for (const [option, { fallback }] of computed) {
      if (options[option] !== undefined) continue;
      const value = (fallback as (options: unknown) => unknown)(options);
      if (value !== undefined) options[option] = value;
    }
    return options as Options;
  };

  return {
    name,
    declarations: fields,
    classes,
    withDefaults,

    read(given) {
      const own = onlyGiven(given);
      check(own);
      const options = withDefaults(own as Given);
      for (const rule of rules) {
        const broken = rule(options, name, own as Given);
        if (broken) throw new VectorQuantizeError(`${name}: expected ${broken}`);
      }
      const config = { type: name, ...saved(own) };
      origins.set(config, own);
      return { options, config };
    },

    extended: (wider, more) => optionTable(wider, [...classes, more], [], refused),
  };
}

/** What configurations were made of, objects of the user's own included. */
const origins = new WeakMap<object, Readonly<Record<string, unknown>>>();

/** The options behind a configuration: with objects of the user's own where it has their names. */
export function optionsBehind(config: Config): Readonly<Record<string, unknown>> {
  const { type: _, ...named } = config;
  return origins.get(config) ?? named;
}

/** Those of `options` that `declarations` declares. */
export function part<Part extends object>(declarations: new () => Part, options: object): Part {
  const names = Object.keys(new declarations());
  const own = Object.entries(options).filter(([name]) => names.includes(name));
  return Object.fromEntries(own) as Part;
}

const declarationsOf = (declarations: OptionClass) =>
  Object.entries(new declarations()) as [string, Declaration][];

const givenOf = (options: object): [string, unknown][] =>
  Object.entries(options).filter(([, value]) => value !== undefined);

/** Quantizers by their configurations, other objects with a name by it. */
function saved(given: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(given).map(([option, value]) => [option, savedValue(value)]),
  );
}

function savedValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(savedValue);
  if (typeof value !== "object" || value === null) return value;
  if ("config" in value) return value.config;
  return "name" in value ? { name: value.name } : { ...value };
}
