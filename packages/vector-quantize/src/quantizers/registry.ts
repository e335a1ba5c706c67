import { expected } from "../errors.ts";
import type { CommitmentFunction } from "../losses/commitment.ts";
import type { Quantizer, QuantizerConfig } from "./contract.ts";
import type { FsqOptions } from "./fsq/options.ts";
import { fsq } from "./fsq.ts";
import type { VectorQuantizeOptions } from "./vectorQuantize/options.ts";
import { vectorQuantize } from "./vectorQuantize.ts";

/** Functions of the user's own, by the name under which a configuration saved them. */
export type UserFunctions = Readonly<Record<string, CommitmentFunction["loss"]>>;

/**
 * Rebuilds a quantizer from its `config`.
 *
 * @param functions the user's own functions that the configuration names, if any
 * @throws VectorQuantizeError for an unknown type or option, or a function that is not given
 */
export function quantizerFromConfig(
  config: QuantizerConfig,
  functions: UserFunctions = {},
): Quantizer {
  const { type, ...options } = config;
  const make = factories[type];
  if (!make) throw expected("quantizer type", `one of ${Object.keys(factories).join(", ")}`, type);
  return make(options, functions);
}

type Factory = (options: Record<string, unknown>, functions: UserFunctions) => Quantizer;

const factories: Record<string, Factory> = {
  fsq: (options) => fsq(options as unknown as FsqOptions),

  vectorQuantize(options, functions) {
    const given = options as unknown as VectorQuantizeOptions;
    const { commitment } = given;
    if (typeof commitment !== "object") return vectorQuantize(given);
    const { name } = commitment;
    const loss = functions[name] as CommitmentFunction["loss"]; // its absence is checked there
    return vectorQuantize({ ...given, commitment: { name, loss } });
  },
};
