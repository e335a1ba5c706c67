import type { numpy as np } from "@jax-js/jax";
import { checkKnownOptions, expected, VectorQuantizeError } from "../errors.ts";
import type { Layout } from "../layout/layout.ts";
import { optionsBehind } from "../options/table.ts";
import { checkQuantizer } from "../quantizers/checkQuantizer.ts";
import type { Quantizer, Variables } from "../quantizers/contract.ts";
import { checkAlive } from "../quantizers/guard/arguments.ts";
import { checkVariablesOf } from "../quantizers/guard.ts";
import { isArray, isRecord, owns, release } from "../tree.ts";
import { droppedState } from "./dropped.ts";
import type { NamedValues } from "./kwargs.ts";
import type { Mapping } from "./mapping.ts";
import { below, checkTensors, type Module, tensorsOf, variablesOf } from "./module.ts";

/** How `fromTorch` reads. */
export interface FromTorchOptions {
  /**
   * Where the module stands in a network: `"1.layers.0"` takes the tensors whose names start so, and
   * leaves the others. Default: the tensors are the module's alone.
   */
  readonly prefix?: string;
  /** Where the features stand in calls of ours. Default: as `kwargs` say. */
  readonly layout?: Layout;
}

/** A quantizer of ours with its variables, under their own types. */
export interface FromTorch<Q = Quantizer> {
  readonly quantizer: Q;
  readonly variables: VariablesOf<Q>;
}

/** The variables of a type of quantizers. */
export type VariablesOf<Q> = Q extends { init(key: np.Array): infer Own } ? Own : Variables;

/** A module of the reference. */
export interface ToTorch {
  /** The reference's name of the class. */
  readonly className: string;
  /** Its constructor options, those that are not the default; objects of your own stand as they are. */
  readonly kwargs: Record<string, unknown>;
  /** Its `state_dict`. */
  readonly tensors: Record<string, np.Array>;
  /** What is not in these, in a sentence each: only training would read it. */
  readonly dropped: readonly string[];
}

/** A class of the reference and a quantizer of ours, to and from one another. */
export interface Translation<Q = Quantizer> {
  /** The reference's name of the class. */
  readonly className: string;
  /** The `type` in the configuration of ours. */
  readonly type: string;
  /** `fromTorch` for this class; ownership of the tensors is taken. */
  fromTorch(
    kwargs: Record<string, unknown>,
    tensors: Record<string, np.Array>,
    options?: FromTorchOptions,
  ): FromTorch<Q>;
  /** `toTorch` for this class; ownership of the variables is taken. */
  toTorch(quantizer: Q, variables: VariablesOf<Q>): ToTorch;
}

/** What a translation is made of. `Given` are the options of ours, `Q` its quantizers. */
export interface ClassParts<Given, Q> {
  readonly className: string;
  readonly type: string;
  readonly mapping: Mapping;
  make(given: Given): Q;
  /** What such a module keeps, by options that are right. */
  module(given: Given): Module;
}

/** The translation of a class, and what it is made of. */
export interface ClassTranslation<Given, Q = Quantizer> extends Translation<Q> {
  readonly parts: ClassParts<Given, Q>;
}

/** The translation of a class, which checks all that it is given. */
export function translation<Given, Q = Quantizer>(
  parts: ClassParts<Given, Q>,
): ClassTranslation<Given, Q> {
  const { className, type, mapping } = parts;
  return {
    className,
    type,
    parts,

    fromTorch(kwargs, tensors, options = {}) {
      using _ = owns(tensors);
      const where = `fromTorch ${className}`;
      if (!isRecord(kwargs)) {
        throw expected("fromTorch: kwargs", "an object of constructor options", kwargs);
      }
      checkArrays(tensors);
      const { prefix, layout } = checkedOptions(options);
      const own = prefix === undefined ? tensors : belowPrefix(tensors, prefix);
      checkKnownOptions(where, kwargs, Object.keys(mapping.kwargs)); // all, before parts see some
      const given = withLayout(mapping, mapping.ours(where, kwargs), layout) as Given;
      const quantizer = parts.make(given);
      const module = parts.module(given);
      checkTensors(where, own, module);
      const variables = variablesOf(module, own);
      try {
        checkVariablesOf("fromTorch", quantizer as Quantizer, variables); // dtypes
      } catch (error) {
        release(variables);
        throw error;
      }
      return { quantizer, variables: variables as VariablesOf<Q> };
    },

    toTorch(quantizer, variables) {
      using _ = owns(variables);
      checkQuantizer("toTorch: quantizer", quantizer);
      const { config } = quantizer as Quantizer;
      if (config.type !== type) {
        throw expected("toTorch: type of the quantizer", type, config.type);
      }
      checkVariablesOf("toTorch", quantizer as Quantizer, variables);
      const given = optionsBehind(config);
      const kwargs = mapping.theirs(`toTorch ${type}`, given);
      const tensors = tensorsOf(parts.module(given as Given), variables as Variables);
      const dropped = [...droppedState(variables as Variables, given), ...mapping.lost(given)];
      return { className, kwargs, tensors, dropped };
    },
  };
}

function checkArrays(tensors: unknown): void {
  if (!isRecord(tensors)) throw expected("fromTorch: tensors", "arrays by name", tensors);
  for (const [name, array] of Object.entries(tensors)) {
    if (!isArray(array)) throw expected(`fromTorch: tensor ${name}`, "a jax-js array", array);
  }
  checkAlive("fromTorch", { tensors });
}

function checkedOptions(options: unknown): FromTorchOptions {
  if (!isRecord(options)) throw expected("fromTorch: options", "an object", options);
  checkKnownOptions("fromTorch", options, ["prefix", "layout"]);
  const { prefix } = options;
  if (prefix !== undefined && typeof prefix !== "string") {
    throw expected("fromTorch: prefix", 'a text, such as "1.layers.0"', prefix);
  }
  return options;
}

/** The tensors of the module that stands there in a network. */
function belowPrefix(tensors: Record<string, np.Array>, prefix: string) {
  const start = prefix === "" || prefix.endsWith(".") ? prefix : `${prefix}.`;
  const found = below(tensors, start);
  if (Object.keys(found).length > 0 || Object.keys(tensors).length === 0) return found;
  const names = Object.keys(tensors).slice(0, 20).join(", ");
  throw new VectorQuantizeError(
    `fromTorch: prefix: expected the start of some names, got ${JSON.stringify(prefix)}, ` +
      `with tensors ${names}`,
  );
}

/** The options with the layout that a call asks for. */
function withLayout({ options }: Mapping, given: NamedValues, layout?: Layout): NamedValues {
  if (layout === undefined) return given;
  if (options.includes("layout")) return { ...given, layout };
  throw expected("fromTorch: layout", "none, since this class has one alone", layout);
}
