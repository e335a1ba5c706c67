import type { numpy as np } from "@jax-js/jax";
import { checkKnownOptions, expected, VectorQuantizeError } from "../errors.ts";
import { haveState } from "../nn/chain.ts";
import { checkModelVariables } from "../nn/checks.ts";
import type { Layer } from "../nn/layer.ts";
import type { Model, ModelVariables } from "../nn/model.ts";
import { optionsBehind } from "../options/table.ts";
import type { Quantizer, Variables } from "../quantizers/contract.ts";
import { checkAlive, checkArray } from "../quantizers/guard/arguments.ts";
import { checkVariablesOf } from "../quantizers/guard.ts";
import { type ArrayTree, isArray, isRecord, owns, release } from "../tree.ts";
import { type LayerField, type LayerModule, layerModule } from "./layerModules.ts";
import {
  below,
  checkTensors,
  type Module,
  type Tensors,
  tensorsOf,
  variablesOf,
} from "./module.ts";
import { translations } from "./translations.ts";
import { mergeWeightNorm } from "./weightNorm.ts";

/** Options of `networkFromTorch` and `networkToTorch`. */
export interface NetworkOptions {
  /**
   * The name by which a tensor goes on the other side, from the one that it comes with; undefined leaves
   * the tensor out. Default: the same.
   */
  readonly rename?: (name: string) => string | undefined;
}

/**
 * Weights of a PyTorch network for a model of ours with the same layers.
 *
 * Names are those of the `Sequential` of `vector-quantize-pytorch`, which wraps a quantizer among layers:
 * `fns.0.weight` is the first part's. A `residual` has its layers at `layers.0`, `layers.1` and so on
 * below its own name, the quantizer what its class of that library calls them. Where a network names its
 * modules otherwise, or a part of ours has no counterpart, `rename` leads from its names to these:
 *
 * ```ts
 * const { tensors } = readSafetensors(bytes); // of save_file(network.state_dict(), ...)
 * const variables = networkFromTorch(model, tensors, {
 *   rename: (name) => name.replace("encoder.", "fns.").replace("quantizer.", "fns.5."),
 * });
 * ```
 *
 * Convolutions and linear maps get our layouts (`docs/layers.md`). Weight normalization of either kind,
 * `weight_g` and `weight_v` or `parametrizations.weight.original0` and `1`, is merged: names are given to
 * `rename` as `weight`. A norm without `affine` gets weight 1 and bias 0. Nothing is made before all fits.
 *
 * @param tensors its `state_dict`; ownership is taken
 * @throws VectorQuantizeError for tensors that are missing, left over or of another shape, and for parts
 *   that PyTorch or the reference has no equal of
 */
export function networkFromTorch(
  model: Model,
  tensors: Record<string, np.Array>,
  options: NetworkOptions = {},
): ModelVariables {
  const where = "networkFromTorch";
  const made: np.Array[] = [];
  using _ = owns(tensors, made);
  const parts = partsOf(where, model);
  checkGiven(where, tensors);
  const named = renamed(where, mergeWeightNorm(where, tensors, made), options);
  for (const { name, absent } of parts.flatMap(layerFields)) {
    if (!absent || named[name]) continue;
    const filler = absent();
    made.push(filler);
    named[name] = filler;
  }
  checkTensors(where, named, { fields: [], parts: parts.map(inNetwork) });
  for (const { name, path } of parts.flatMap(layerFields)) {
    if (path) checkArray(where, `tensor ${name}`, named[name], "float32");
  }
  return assembled(where, model, parts, named);
}

/**
 * Weights of a model of ours for a PyTorch network with the same layers: the inverse of
 * `networkFromTorch`, with weights that are not normalized.
 *
 * ```ts
 * const tensors = networkToTorch(model, variables);
 * const bytes = await saveSafetensors(tensors); // for network.load_state_dict(load_file(...))
 * ```
 *
 * Every norm has a weight and a bias here: for one without `affine` there, `rename` leaves them out.
 *
 * @param variables ownership is taken
 * @returns its `state_dict`
 * @throws VectorQuantizeError for variables of another model, and for parts that PyTorch or the
 *   reference has no equal of
 */
export function networkToTorch(
  model: Model,
  variables: ModelVariables,
  options: NetworkOptions = {},
): Record<string, np.Array> {
  const where = "networkToTorch";
  using _ = owns(variables);
  const parts = partsOf(where, model);
  checkModelVariables(where, variables);
  const { params, state, layers } = variables;
  const own = { params: params.quantizer, state } as Variables;
  checkVariablesOf(where, model.quantizer, own);
  const all = [...params.encoder, ...params.decoder];
  const states = [...(layers?.encoder ?? []), ...(layers?.decoder ?? [])];
  if (all.length !== parts.length - 1) {
    throw expected(`${where}: variables`, `those of ${parts.length - 1} layers`, all.length);
  }
  const made: Tensors = {};
  let at = 0;
  try {
    for (const { prefix, module, layer } of parts) {
      const given = layer ? { params: all[at], state: states[at++] ?? {} } : own;
      for (const [name, tensor] of Object.entries(tensorsOf(module, given))) {
        made[`${prefix}${name}`] = tensor;
      }
    }
    const named = renamed(where, made, options);
    const kept = new Set(Object.values(named));
    release(Object.values(made).filter((tensor) => !kept.has(tensor)));
    return named;
  } catch (error) {
    release(made);
    throw error;
  }
}

/** A part of a network: a layer, or else the quantizer. */
interface NetworkPart {
  readonly prefix: string;
  readonly module: LayerModule | Module;
  readonly layer?: Layer;
}

/** The parts of a model, in order. */
function partsOf(where: string, model: Model): NetworkPart[] {
  const { layers, quantizer } = Object(model) as Partial<Model>;
  if (!layers || !quantizer) throw expected(`${where}: model`, "a model", model);
  const { encoder, decoder } = layers;
  return [...encoder, quantizer, ...decoder].map((part, at) => {
    const prefix = `fns.${at}.`;
    if ("codebookSizes" in part) return { prefix, module: quantizerModule(where, part) };
    return { prefix, module: layerModule(`${where}: layer ${at}`, part), layer: part };
  });
}

function quantizerModule(where: string, { config }: Quantizer): Module {
  const { type } = config;
  const known = translations.find((translation) => translation.type === type);
  if (known) return known.parts.module(optionsBehind(config) as never);
  const types = translations.map((translation) => translation.type);
  throw expected(`${where}: type of the quantizer`, `one of ${types.join(", ")}`, type);
}

const inNetwork = ({ prefix, module }: NetworkPart) => ({ prefix, place: [], module });

/** The tensors of a layer, under their whole names. */
function layerFields({ prefix, module, layer }: NetworkPart): (LayerField & { name: string })[] {
  if (!layer) return [];
  const { fields, parts = [] } = module as LayerModule;
  const own = fields.map((field) => ({ ...field, name: `${prefix}${field.name}` }));
  const inner = parts.flatMap((part) =>
    layerFields({ prefix: `${prefix}${part.prefix}`, module: part.module, layer }),
  );
  return [...own, ...inner];
}

function checkGiven(where: string, tensors: unknown): void {
  if (!isRecord(tensors)) throw expected(`${where}: tensors`, "arrays by name", tensors);
  for (const [name, array] of Object.entries(tensors)) {
    if (!isArray(array)) throw expected(`${where}: tensor ${name}`, "a jax-js array", array);
  }
  checkAlive(where, { tensors });
}

/** The same arrays by their names on the other side. */
function renamed(where: string, tensors: Tensors, options: NetworkOptions): Tensors {
  if (!isRecord(options)) throw expected(`${where}: options`, "an object", options);
  checkKnownOptions(where, options, ["rename"]);
  const { rename = (name: string) => name } = options as NetworkOptions;
  if (typeof rename !== "function") throw expected(`${where}: rename`, "a function", rename);
  const named: Tensors = {};
  for (const [name, tensor] of Object.entries(tensors)) {
    const other: unknown = rename(name);
    if (other === undefined) continue;
    if (typeof other !== "string") throw expected(`${where}: rename(${name})`, "a name", other);
    if (Object.hasOwn(named, other)) {
      throw new VectorQuantizeError(
        `${where}: rename: expected a name of its own for each tensor, got ${other} twice`,
      );
    }
    named[other] = tensor;
  }
  return named;
}

/** The variables of a model from tensors that fit it. */
function assembled(
  where: string,
  model: Model,
  parts: readonly NetworkPart[],
  tensors: Tensors,
): ModelVariables {
  const made: Variables[] = [];
  try {
    for (const { prefix, module } of parts) {
      made.push(variablesOf(module, below(tensors, prefix)));
    }
    checkVariablesOf(where, model.quantizer, made[model.layers.encoder.length]); // dtypes
  } catch (error) {
    release(made);
    throw error;
  }
  const at = model.layers.encoder.length;
  const quantizer = made[at] as Variables;
  const ofLayers = [made.slice(0, at), made.slice(at + 1)] as const;
  const [encoder, decoder] = ofLayers.map((list) => list.map(({ params }) => params));
  const states = (layers: readonly Layer[], list: readonly Variables[] = []) =>
    layers.map((layer, i) => stateOf(layer, list[i]?.state as ArrayTree));
  const { layers } = model;
  const stateful = haveState([...layers.encoder, ...layers.decoder]);
  return {
    params: { encoder: encoder ?? [], quantizer: quantizer.params, decoder: decoder ?? [] },
    state: quantizer.state,
    ...(stateful && {
      layers: {
        encoder: states(layers.encoder, ofLayers[0]),
        decoder: states(layers.decoder, ofLayers[1]),
      },
    }),
  };
}

/** The state of a layer, `{}` for one that has none, as `initState` makes it. */
function stateOf(layer: Layer, made: ArrayTree): ArrayTree {
  if (!layer.initState) return {};
  if (!layer.reach || !("inside" in layer.reach)) return made;
  const { layers } = made as { layers: ArrayTree[] };
  return { layers: layer.reach.inside.map((inner, at) => stateOf(inner, layers[at] as ArrayTree)) };
}
