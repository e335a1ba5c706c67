import { type numpy as np, random, tree } from "@jax-js/jax";
import { expected, VectorQuantizeError } from "../errors.ts";
import type { ApplyOptions, FitOptions, Quantizer, Variables } from "../quantizers/contract.ts";
import { checkAlive, checkArray } from "../quantizers/guard/arguments.ts";
import { type ArrayTree, isRecord, jitted, owns, release } from "../tree.ts";
import {
  applyLayers,
  callLayers,
  haveState,
  initStates,
  type LayersCall,
  trainApart,
} from "./chain.ts";
import { checkModelVariables } from "./checks.ts";
import { cutToLength } from "./cutSeries.ts";
import { keyMissing, type Layer } from "./layer.ts";
import type { LayerStates, Model, ModelOutput, ModelVariables } from "./model.ts";
import { multipleOf } from "./padEnd.ts";
import { layerRunner, type RunLayers } from "./runLayers.ts";

type ApplyLayers = (
  params: readonly ArrayTree[],
  x: np.Array,
  states?: readonly ArrayTree[],
) => np.Array;

/**
 * Layers around exactly one quantizer, applied in order: `decoder(quantizer(encoder(x)))`.
 *
 * @param parts layers and one quantizer; those before it are the encoder, those after it the decoder
 * @throws unless exactly one part is a quantizer
 */
export function sequential(parts: readonly (Layer | Quantizer)[]): Model {
  if (!Array.isArray(parts)) throw expected("sequential: parts", "a list", parts);
  parts.forEach((part, at) => {
    if (typeof part?.init === "function" && part.config) return;
    throw expected(`sequential: parts[${at}]`, "a layer or a quantizer", part);
  });
  const quantizers = parts.filter(isQuantizer);
  const [quantizer] = quantizers;
  if (quantizer === undefined || quantizers.length !== 1) {
    throw new VectorQuantizeError(
      `sequential: expected exactly one quantizer, got ${quantizers.length}`,
    );
  }
  const at = parts.indexOf(quantizer);
  const layers = parts.filter((part): part is Layer => !isQuantizer(part));
  const layersOf = { encoder: layers.slice(0, at), decoder: layers.slice(at) };
  const { encoder, decoder } = layersOf;
  const lengthMultiple = multipleOf(encoder);
  const draw = layers.some(({ draws }) => draws);
  const stateful = haveState(layers);
  const featuresOf = layerRunner(encoder);
  const outputOf = layerRunner(decoder);
  const featuresInTraining = jitted(
    (params: readonly ArrayTree[], x: np.Array, call: Omit<LayersCall, "training">) =>
      callLayers(encoder, params, x, { ...call, training: true }),
  );
  const runEncoder: ApplyLayers = (params, x, states) => applyLayers(encoder, params, x, states);
  const runDecoder: ApplyLayers = (params, x, states) => applyLayers(decoder, params, x, states);
  const checkCall = checkGiven.bind(undefined, stateful);

  /**
   * The encoder's output as training has it, and the key that is left for the quantizer. The trees stay
   * the caller's.
   */
  async function featuresToFit(
    { params, layers: states }: ModelVariables,
    sample: np.Array,
    given: np.Array | undefined,
  ): Promise<[features: np.Array, key: np.Array | undefined]> {
    const own = refs(params.encoder);
    if (!trainApart(encoder)) return [await featuresOf(own, sample.ref), given];
    const [key, layersKey] = [...random.split(given ?? random.key(0))] as [np.Array, np.Array];
    const call = { states: refs(states?.encoder ?? []), key: layersKey };
    const [features, moved] = featuresInTraining(own, sample.ref, call);
    tree.dispose(moved as never);
    return [features, key];
  }

  return {
    config: { type: "sequential", parts: parts.map((part) => part.config) },
    quantizer,
    layers: layersOf,
    lengthMultiple,

    init(key) {
      const keys: np.Array[] = [...random.split(key, parts.length)];
      const [quantizerKey] = keys.splice(at, 1) as [np.Array];
      const params = layers.map((layer, i) => layer.init(keys[i] as np.Array));
      const inner = quantizer.init(quantizerKey);
      return {
        params: {
          encoder: params.slice(0, at),
          quantizer: inner.params,
          decoder: params.slice(at),
        },
        state: inner.state,
        ...(stateful && {
          layers: { encoder: initStates(encoder), decoder: initStates(decoder) },
        }),
      };
    },

    apply(variables: ModelVariables, x: np.Array, options: ApplyOptions = {}): ModelOutput {
      const { training = false, key } = options;
      try {
        checkCall("apply", variables, "x", x, "float32");
        if (training && draw && !key) throw keyMissing("model.apply");
      } catch (error) {
        release([variables, x]);
        throw error;
      }
      const { params, state, layers: states = noStates } = variables;
      const length = x.shape[1] as number;
      const keys = splitAmong(training && draw, key);
      const [features, encoded] = callLayers(encoder, params.encoder, x, {
        ...{ training, states: states.encoder, key: keys.encoder },
      });
      const quantized = quantizer.apply({ params: params.quantizer, state }, features, {
        ...options,
        ...(keys.quantizer && { key: keys.quantizer }),
      });
      const [output, decoded] = callLayers(decoder, params.decoder, quantized.quantized.ref, {
        ...{ training, states: states.decoder, key: keys.decoder },
      });
      return {
        output: lengthMultiple > 1 ? cutToLength(output, length) : output,
        quantized,
        ...(stateful && { layers: { encoder: encoded, decoder: decoded } }),
      };
    },

    async fit(variables: ModelVariables, sample: np.Array, options?: FitOptions) {
      using _ = owns(variables, sample);
      checkCall("fit", variables, "sample", sample, "float32");
      const { params, layers: states } = variables;
      const [features, key] = await featuresToFit(variables, sample, options?.key);
      const given = key ? { ...options, key } : options;
      const fitted = await quantizer.fit(quantizersOwn(variables), features, given);
      const own = refs({ encoder: params.encoder, decoder: params.decoder });
      return {
        // In the order of `init`: jax-js tells the leaves of a tree by their order.
        params: { encoder: own.encoder, quantizer: fitted.params, decoder: own.decoder },
        state: fitted.state,
        ...(states && { layers: refs(states) }),
      };
    },

    encoder: runEncoder,
    decoder: runDecoder,

    async encode(variables: ModelVariables, x: np.Array) {
      using _ = owns(variables, x);
      checkCall("encode", variables, "x", x, "float32");
      const features = await featuresOf(...encoderCall(variables, x));
      return await quantizer.encode(quantizersOwn(variables), features);
    },

    async comparison(variables: ModelVariables, x: np.Array) {
      using _ = owns(variables, x);
      checkCall("comparison", variables, "x", x, "float32");
      if (!quantizer.comparison) {
        throw new VectorQuantizeError(
          `model.comparison: expected a quantizer whose codes are the nearest of a table, got ${quantizer.config.type}`,
        );
      }
      const features = await featuresOf(...encoderCall(variables, x));
      return await quantizer.comparison(quantizersOwn(variables), features);
    },

    async decode(variables: ModelVariables, indices: np.Array) {
      using _ = owns(variables, indices);
      checkCall("decode", variables, "indices", indices, "int32");
      const quantized = quantizer.decode(quantizersOwn(variables), indices.ref);
      const { params, layers: states = noStates } = variables;
      return await outputOf(refs(params.decoder), quantized, refs(states.decoder));
    },
  };
}

const noStates: LayerStates = { encoder: [], decoder: [] };

interface Keys {
  readonly quantizer?: np.Array | undefined;
  readonly encoder?: np.Array;
  readonly decoder?: np.Array;
}

/** Keys for the quantizer and, if layers `draw`, for those before and after it. Takes `key`. */
function splitAmong(draw: boolean, key: np.Array | undefined): Keys {
  if (!draw || !key) return { quantizer: key };
  const keys = [...random.split(key, 3)] as [np.Array, np.Array, np.Array];
  return { quantizer: keys[0], encoder: keys[1], decoder: keys[2] };
}

function refs<T>(arrays: T): T {
  return tree.ref(arrays as never) as T;
}

/** What the encoder is run with. */
function encoderCall(
  { params, layers: states = noStates }: ModelVariables,
  x: np.Array,
): Parameters<RunLayers> {
  return [refs(params.encoder), x.ref, refs(states.encoder)];
}

function quantizersOwn({ params, state }: ModelVariables): Variables {
  return refs({ params: params.quantizer, state });
}

/** Throws unless what a method is given fits the model, with states of layers if it is `stateful`. */
function checkGiven(
  stateful: boolean,
  method: string,
  variables: unknown,
  name: string,
  array: unknown,
  dtype: "float32" | "int32",
): void {
  const where = `model.${method}`;
  checkModelVariables(where, variables);
  const { layers } = variables as ModelVariables;
  const fits = stateful
    ? isRecord(layers) && "encoder" in layers && "decoder" in layers
    : layers === undefined;
  if (!fits) {
    const what = stateful ? "the states of the layers, { encoder, decoder }" : "none";
    const mend = "Take variables from init, fit, a step of training or loadModel";
    throw expected(`${where}: variables.layers`, what, layers, mend);
  }
  checkArray(where, name, array, dtype);
  checkAlive(where, { variables, [name]: array });
}

function isQuantizer(part: Layer | Quantizer): part is Quantizer {
  return "codebookSizes" in part;
}
