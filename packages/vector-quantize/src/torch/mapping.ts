/** Options of the reference as ours and back, by the tables of our options. */
import { expected } from "../errors.ts";
import type { Declaration, Kind } from "../options/kinds.ts";
import { meanings, referenceName } from "../options/referenceNames.ts";
import type { OptionTable } from "../options/table.ts";
import {
  completeKwargs,
  flagKwarg,
  type Kwarg,
  type KwargTable,
  maybe,
  type NamedValues,
  withoutDefaults,
} from "./kwargs.ts";

type Some = NamedValues | false | undefined;

/** Options of both sides that say the same in other words, or that one side alone has. */
export interface Term {
  /** Options of ours: alone, where there are no kwargs. */
  readonly options?: readonly string[];
  readonly kwargs?: KwargTable;
  /** Ours, those that are not the default; throws at what ours cannot have. */
  ours?(kwargs: NamedValues, where: string): Some;
  /** Theirs, from all options; throws at what theirs cannot have. */
  theirs?(options: NamedValues, where: string): Some;
  /** What theirs cannot say, and only training reads: in a sentence. */
  lost?(options: NamedValues): string | false | undefined;
}

/** All options of a class. */
export interface Mapping {
  readonly kwargs: KwargTable;
  /** All options of ours. */
  readonly options: readonly string[];
  /** Those that theirs does not have. */
  readonly alone: readonly string[];
  ours(where: string, kwargs: NamedValues): NamedValues;
  /** Theirs of a configuration of ours, without what is the default there. */
  theirs(where: string, config: NamedValues): Record<string, unknown>;
  /** What these leave out of a configuration of ours, which only training reads. */
  lost(config: NamedValues): readonly string[];
}

/**
 * @param terms what differs; each option of the table that none of them speaks of is the same option
 *   there, with the same default: one that depends on other options, or that may be absent, is `None`
 * @param differs kinds and defaults there of options that differ in these alone
 */
export function mapping<Given extends object, Options extends object>(
  table: Pick<OptionTable<Given, Options>, "declarations" | "withDefaults">,
  terms: readonly Term[] = [],
  differs: KwargTable = {},
): Mapping {
  const termed = terms.flatMap(({ options = [] }) => options);
  const same = [...table.declarations]
    .filter(([option]) => !termed.includes(option))
    .map(([option, declaration]) => {
      const name = referenceName(option);
      return { option, name, kwarg: differs[name] ?? kwargOf(declaration), declaration };
    });
  const kwargs: KwargTable = Object.assign(
    {},
    ...["required", "the rest"].map((part) =>
      Object.fromEntries(
        same
          .filter(
            ({ declaration }) => (declaration.fallback === undefined) === (part === "required"),
          )
          .map(({ name, kwarg }) => [name, kwarg]),
      ),
    ),
    ...terms.map((term) => term.kwargs),
  );

  return {
    kwargs,
    options: [...table.declarations.keys()],
    alone: terms.flatMap(({ options = [], kwargs }) => (kwargs ? [] : options)),

    ours(where, given) {
      const values = completeKwargs(where, given, kwargs);
      const own = same
        .filter(
          ({ name, kwarg, declaration }) =>
            values[name] !== kwarg.fallback || declaration.fallback === undefined,
        )
        .map(({ option, name, declaration }) => {
          const renamed = name in meanings && declaration.kind === "string";
          if (renamed) declaration.check(`${where}: ${name}`, values[name]);
          return [option, values[name]];
        });
      return Object.assign(
        Object.fromEntries(own),
        ...terms.map((term) => term.ours?.(values, where)),
      );
    },

    theirs(where, config) {
      const options = table.withDefaults(config as Given) as NamedValues;
      const own = same.map(({ option, name, kwarg }) => [name, config[option] ?? kwarg.fallback]);
      const all: NamedValues = Object.assign(
        Object.fromEntries(own),
        ...terms.map((term) => term.theirs?.(options, where)),
      );
      return withoutDefaults(all, kwargs);
    },

    lost(config) {
      const options = table.withDefaults(config as Given) as NamedValues;
      return terms.flatMap((term) => term.lost?.(options) || []);
    },
  };
}

/** An option with the kind and the default of ours. */
function kwargOf({ kind = "object", fallback }: Declaration): Kwarg {
  if (typeof fallback === "function") return maybe(kind);
  if (fallback !== undefined) return { kind: typeof fallback as Kind, fallback };
  return kind === "object" ? maybe(kind) : { kind }; // of others, the check of ours tells
}

/** A flag that says one value of an option of ours, or one of two. */
export function flagTerm(name: string, fallback: boolean): Term {
  const { option = name, on, off } = meanings[name] ?? {};
  return {
    options: [option],
    kwargs: { [name]: flagKwarg(fallback) },
    ours: ({ [name]: value }) => value !== fallback && { [option]: value ? on : off },
    theirs: ({ [option]: value }) => ({ [name]: on === undefined ? value !== off : value === on }),
  };
}

/** A flag for the features to stand second, of sequences, images and videos alike. */
export const channelFirst = (name: string, kwarg: Kwarg = flagKwarg(false)): Term => ({
  options: ["layout"],
  kwargs: { [name]: kwarg },
  ours: ({ [name]: first }) => first === true && { layout: "channelFirst" },
  theirs: ({ layout }) => ({ [name]: layout !== "channelLast" || kwarg.fallback }),
});

/** Options of theirs that have no effect here. */
export const unread = (kwargs: KwargTable): Term => ({ kwargs });

/**
 * An option of theirs that has to be one value.
 *
 * @param shown that value, as Python writes it
 */
export const only = (kwargs: KwargTable, shown: string, mend?: string): Term => ({
  kwargs,
  ours(values, where) {
    for (const [name, { fallback }] of Object.entries(kwargs)) {
      if (values[name] === fallback) continue;
      throw expected(`${where}: ${name}`, shown, values[name], mend);
    }
    return undefined;
  },
});

/**
 * An option of ours that theirs has not, and only training reads.
 *
 * @param value what theirs does
 * @param why a sentence on it
 */
export const oursAlone = (option: string, value: unknown, why: string): Term => ({
  options: [option],
  lost: ({ [option]: given }) => given !== value && `${option} ${named(given)}: ${why}`,
});

/** A value as a text names it. */
const named = (value: unknown): string =>
  value !== null && typeof value === "object" && "name" in value
    ? String(value.name)
    : JSON.stringify(value);

/** That layers have an object each, where theirs share it: a sentence. */
export const oneInAll = (option: string, place: string): string =>
  `${option}: the layers of the reference share one module; for arrays of each layer's own, give ` +
  `each a copy before load_state_dict, ${place} = copy.deepcopy(...)`;

/** The noise of `fsq`, which theirs always makes as wide as `fixed`. */
export const noise: Term = {
  options: ["noiseScale"],
  ours: ({ noise_dropout: dropout }) => dropout !== 0 && { noiseScale: "fixed" },
  lost: ({ noiseDropout: dropout, noiseScale: scale }) =>
    dropout !== 0 &&
    scale !== "fixed" &&
    `noiseScale ${named(scale)}: the noise of the reference is as wide as "fixed"`,
};

/** A threshold that replaces no code, where theirs must have one. */
const leastUses = 1e-3;

/** A share as threshold of dead codes, which theirs can't have. */
export const countedUses: Term = {
  theirs({ thresholdEmaDeadCode: threshold, gradient }) {
    if (typeof threshold !== "object") return undefined;
    return { threshold_ema_dead_code: gradient === "directional" ? leastUses : 0 };
  },
  lost: ({ thresholdEmaDeadCode: threshold }) =>
    typeof threshold === "object" &&
    `thresholdEmaDeadCode ${named(threshold)}: the reference counts uses, so no code is replaced there`,
};

/** Throws if an index takes more than one int32: the reference has no other. */
export const oneWord = (
  option: string,
  levelsOf: (options: NamedValues) => readonly number[],
): Term => ({
  theirs(options, where) {
    const codes = levelsOf(options).reduce((product, count) => product * count, 1);
    if (codes <= 2 ** 31) return undefined;
    throw expected(`${where}: ${option}`, "at most 2^31 codes, as in the reference", codes);
  },
});
