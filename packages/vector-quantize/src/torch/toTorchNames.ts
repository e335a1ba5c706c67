import { type numpy as np, random, tree } from "@jax-js/jax";
import { expected } from "../errors.ts";
import { optionsBehind } from "../options/table.ts";
import { checkQuantizer } from "../quantizers/checkQuantizer.ts";
import type { Quantizer } from "../quantizers/contract.ts";
import { checkAlive, checkTree, tracedInit } from "../quantizers/guard/arguments.ts";
import { type ArrayTree, eachArray, isArray, owns, release } from "../tree.ts";
import { type Module, tensorsOf, trainedPart } from "./module.ts";
import type { VariablesOf } from "./translation.ts";
import { translations } from "./translations.ts";

/** `Values` under the reference's names: by name where they are like `Params`. */
export type TorchNamed<Values, Params> = Values extends Params
  ? Record<string, np.Array>
  : ArrayTree;

/**
 * Gradients under the reference's names and in its layouts, as `named_parameters()` has them:
 * `{ "project_in.weight": ..., ... }`.
 *
 * The state of an optimizer keeps its own structure, with a record by name in the place of each tree
 * that is like the parameters: `{ mean, square }` of Adam has the names below `mean` and `square`.
 *
 * @param values a tree like `params` of the quantizer, or one that holds such trees; ownership is taken
 * @throws VectorQuantizeError for a quantizer without a class of the reference, and for a tree
 *   without anything like its parameters
 */
export function toTorchNames<Q extends Quantizer, Values extends ArrayTree>(
  quantizer: Q,
  values: Values,
): TorchNamed<Values, VariablesOf<Q>["params"]> {
  using _ = owns(values);
  checkQuantizer("toTorchNames: quantizer", quantizer);
  checkTree("toTorchNames", "values", values);
  checkAlive("toTorchNames", { values });
  const { config } = quantizer;
  const translation = translations.find(({ type }) => type === config.type);
  if (!translation) {
    const types = translations.map(({ type }) => type);
    throw expected(
      "toTorchNames: type of the quantizer",
      `one of ${types.join(", ")}`,
      config.type,
    );
  }
  const module = trainedPart(translation.parts.module(optionsBehind(config) as never));
  const like = shapesOfParams(quantizer);
  const made = { found: false };
  const named = rename(values, module, like, made);
  if (made.found) return named as never;
  release(named);
  throw expected("toTorchNames: values", `a tree of ${like || "no arrays"}`, shapesIn(values));
}

/** The tree with names in the place of each part that is like the parameters. */
function rename(
  values: ArrayTree,
  module: Module,
  like: string,
  made: { found: boolean },
): ArrayTree {
  if (shapesIn(values) === like) {
    made.found = true;
    return tensorsOf(module, { params: values });
  }
  if (isArray(values)) return values.ref;
  const inner = (part: ArrayTree) => rename(part, module, like, made);
  if (Array.isArray(values)) return values.map(inner);
  const entries = Object.entries(values as Record<string, ArrayTree>);
  return Object.fromEntries(entries.map(([key, part]) => [key, inner(part)]));
}

/** Every array of a tree, by its place, with its shape. */
function shapesIn(values: unknown): string {
  const found: string[] = [];
  eachArray(values, ({ shape }, place) => found.push(`${place} [${shape.join(", ")}]`));
  return found.sort().join(", ");
}

function shapesOfParams({ init }: Quantizer): string {
  const told = tracedInit(init, ({ params }) => shapesIn(params));
  if (told !== undefined) return told;
  const fresh = init(random.key(0)); // an object of the user's own can't be traced
  const shapes = shapesIn(fresh.params);
  tree.dispose(fresh);
  return shapes;
}
