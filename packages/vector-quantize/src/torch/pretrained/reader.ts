import { numpy as np } from "@jax-js/jax";
import { expected, VectorQuantizeError } from "../../errors.ts";
import type { Projection } from "../../layout/linear.ts";
import { checkAlive } from "../../quantizers/guard/arguments.ts";
import { isArray, isRecord } from "../../tree.ts";
import type { Tensors } from "../module.ts";
import { mergeWeightNorm } from "../weightNorm.ts";

/** The tensors of a codec's quantizer; those of its encoder and decoder are passed over. */
export interface Reader {
  /** How many layers stand at `<name>.0.`, `<name>.1.` and so on; at least 1. */
  count(name: string): number;
  /** Whether the file has a tensor. */
  has(name: string): boolean;
  /** A tensor, of which the reader keeps the reference; a size of undefined may be any. */
  tensor(name: string, shape: readonly (number | undefined)[]): np.Array;
  /** Throws if there is a tensor that nobody asked for. */
  finish(): void;
}

/** What the names of a quantizer start with, in the files of all codecs. */
const start = "quantizer.";

/**
 * @param made gets what is made here, for its owner to give up
 * @throws VectorQuantizeError for what are no arrays by name
 */
export function readerOf(where: string, tensors: unknown, made: np.Array[]): Reader {
  if (!isRecord(tensors)) throw expected(`${where}: tensors`, "arrays by name", tensors);
  for (const [name, array] of Object.entries(tensors)) {
    if (!isArray(array)) throw expected(`${where}: tensor ${name}`, "a jax-js array", array);
  }
  checkAlive(where, { tensors });
  const own = Object.entries(tensors as Tensors).filter(([name]) => name.startsWith(start));
  const all = mergeWeightNorm(where, Object.fromEntries(own), made);
  const used = new Set<string>();
  const missing = (name: string) =>
    new VectorQuantizeError(`${where}: expected a tensor ${start}${name}, got none`);

  return {
    has: (name) => start + name in all,

    count(name) {
      let layers = 0;
      const at = (layer: number) => `${start}${name}.${layer}.`;
      while (Object.keys(all).some((key) => key.startsWith(at(layers)))) layers++;
      if (layers === 0) throw missing(`${name}.0`);
      return layers;
    },

    tensor(name, shape) {
      const key = start + name;
      const tensor = all[key];
      if (!tensor) throw missing(name);
      const fits =
        tensor.ndim === shape.length &&
        shape.every((size, axis) => size === undefined || size === tensor.shape[axis]);
      if (!fits) {
        const text = `[${shape.map((size) => size ?? "any").join(", ")}]`;
        throw expected(`${where}: shape of ${key}`, text, tensor.shape);
      }
      if (tensor.dtype !== "float32") {
        throw expected(`${where}: dtype of ${key}`, "float32", tensor.dtype);
      }
      used.add(key);
      return tensor;
    },

    finish() {
      const left = Object.keys(all).filter((name) => !used.has(name));
      if (left.length === 0) return;
      const more = left.length > 8 ? ` and ${left.length - 8} more` : "";
      throw new VectorQuantizeError(
        `${where}: expected no other tensors of the quantizer, got ${left.slice(0, 8).join(", ")}${more}`,
      );
    },
  };
}

/** Throws unless a model's `config.json` says the same as its tensors, where it says anything. */
export function checkConfigAgrees(
  where: string,
  config: Readonly<Record<string, unknown>>,
  found: Readonly<Record<string, number>>,
): void {
  for (const [name, size] of Object.entries(found)) {
    const said = config[name] ?? size;
    if (said !== size)
      throw expected(`${where}: config.${name}`, `${size}, as in the tensors`, said);
  }
}

/** A convolution of one step, `[out, in, 1]`, as a linear map, once it is asked for. */
export function pointwise(
  reader: Reader,
  name: string,
  [outputs, inputs]: readonly [number | undefined, number | undefined],
): { readonly inputs: number; readonly outputs: number; map(): Projection } {
  const weight = reader.tensor(`${name}.weight`, [outputs, inputs, 1]);
  const [out, into] = weight.shape as [number, number];
  const bias = reader.has(`${name}.bias`) ? reader.tensor(`${name}.bias`, [out]) : undefined;
  return {
    inputs: into,
    outputs: out,
    map: () => ({
      weight: weight.ref.reshape([out, into]).transpose(),
      bias: bias ? bias.ref : np.zeros([out]),
    }),
  };
}
