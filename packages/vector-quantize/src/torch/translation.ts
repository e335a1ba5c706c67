import type { numpy as np } from "@jax-js/jax";
import { expected } from "../errors.ts";
import { checkQuantizer } from "../quantizers/checkQuantizer.ts";
import type { Quantizer, Variables } from "../quantizers/contract.ts";
import { checkAlive } from "../quantizers/guard/arguments.ts";
import { checkVariablesOf } from "../quantizers/guard.ts";
import { isArray, isRecord, owns, release } from "../tree.ts";
import type { Mapping } from "./mapping.ts";
import { checkTensors, type Module, tensorsOf, variablesOf } from "./module.ts";

/** A class of the reference and a quantizer of ours, to and from one another. */
export interface Translation {
  /** The reference's name of the class. */
  readonly className: string;
  /** The `type` in the configuration of ours. */
  readonly type: string;
  /** `fromTorch` for this class; ownership of the tensors is taken. */
  fromTorch(
    kwargs: Record<string, unknown>,
    tensors: Record<string, np.Array>,
  ): { quantizer: Quantizer; variables: Variables };
  /** `toTorch` for this class; ownership of the variables is taken. */
  toTorch(
    quantizer: Quantizer,
    variables: Variables,
  ): { className: string; kwargs: Record<string, unknown>; tensors: Record<string, np.Array> };
}

/** What a translation is made of. `Given` are the options of ours. */
export interface ClassParts<Given> {
  readonly className: string;
  readonly type: string;
  readonly mapping: Mapping;
  make(given: Given): unknown;
  /** What such a module keeps, by options that are right. */
  module(given: Given): Module;
  /** Throws at variables that theirs cannot have. */
  check?(variables: Variables): void;
}

/** The translation of a class, and what it is made of. */
export interface ClassTranslation<Given> extends Translation {
  readonly parts: ClassParts<Given>;
}

/** The translation of a class, which checks all that it is given. */
export function translation<Given>(parts: ClassParts<Given>): ClassTranslation<Given> {
  const { className, type, mapping } = parts;
  return {
    className,
    type,
    parts,

    fromTorch(kwargs, tensors) {
      using _ = owns(tensors);
      const where = `fromTorch ${className}`;
      if (!isRecord(kwargs)) {
        throw expected("fromTorch: kwargs", "an object of constructor options", kwargs);
      }
      checkArrays(tensors);
      const given = mapping.ours(where, kwargs) as Given;
      const quantizer = parts.make(given) as Quantizer;
      const module = parts.module(given);
      checkTensors(where, tensors, module);
      const variables = variablesOf(module, tensors);
      try {
        checkVariablesOf("fromTorch", quantizer, variables); // dtypes
      } catch (error) {
        release(variables);
        throw error;
      }
      return { quantizer, variables };
    },

    toTorch(quantizer, variables) {
      using _ = owns(variables);
      checkQuantizer("toTorch: quantizer", quantizer);
      const { type: own, ...config } = quantizer.config;
      if (own !== type) throw expected("toTorch: type of the quantizer", type, own);
      checkVariablesOf("toTorch", quantizer, variables);
      const kwargs = mapping.theirs(`toTorch ${type}`, config);
      parts.check?.(variables);
      const tensors = tensorsOf(parts.module(config as Given), variables);
      return { className, kwargs, tensors };
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
