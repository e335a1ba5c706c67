import { type numpy as np, random, tree } from "@jax-js/jax";
import { expected, VectorQuantizeError } from "../errors.ts";
import type { ApplyOptions, FitOptions, Quantizer, Variables } from "../quantizers/contract.ts";
import { checkAlive, checkArray } from "../quantizers/guard/arguments.ts";
import { type ArrayTree, owns, release } from "../tree.ts";
import { applyLayers } from "./chain.ts";
import { checkModelVariables } from "./checks.ts";
import type { Layer } from "./layer.ts";
import type { Model, ModelOutput, ModelVariables } from "./model.ts";
import { layerRunner } from "./runLayers.ts";

type ApplyLayers = (params: readonly ArrayTree[], x: np.Array) => np.Array;

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
  const runEncoder: ApplyLayers = (params, x) => applyLayers(layers.slice(0, at), params, x);
  const runDecoder: ApplyLayers = (params, x) => applyLayers(layers.slice(at), params, x);
  const layersOf = { encoder: layers.slice(0, at), decoder: layers.slice(at) };
  const featuresOf = layerRunner(layersOf.encoder);
  const outputOf = layerRunner(layersOf.decoder);

  return {
    config: { type: "sequential", parts: parts.map((part) => part.config) },
    quantizer,
    layers: layersOf,

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
      };
    },

    apply(variables: ModelVariables, x: np.Array, options: ApplyOptions = {}): ModelOutput {
      try {
        checkCall("apply", variables, "x", x, "float32");
      } catch (error) {
        release([variables, x]);
        throw error;
      }
      const { params, state } = variables;
      const features = runEncoder(params.encoder, x);
      const quantized = quantizer.apply({ params: params.quantizer, state }, features, options);
      return {
        output: runDecoder(params.decoder, quantized.quantized.ref),
        quantized,
      };
    },

    async fit(variables: ModelVariables, sample: np.Array, options?: FitOptions) {
      using _ = owns(variables, sample);
      checkCall("fit", variables, "sample", sample, "float32");
      const { params } = variables;
      const features = await featuresOf(refs(params.encoder), sample.ref);
      const fitted = await quantizer.fit(quantizersOwn(variables), features, options);
      // In the order of `init`: jax-js tells the leaves of a tree by their order.
      const [encoder, decoder] = [refs(params.encoder), refs(params.decoder)];
      return { params: { encoder, quantizer: fitted.params, decoder }, state: fitted.state };
    },

    encoder: runEncoder,
    decoder: runDecoder,

    async encode(variables: ModelVariables, x: np.Array) {
      using _ = owns(variables, x);
      checkCall("encode", variables, "x", x, "float32");
      const features = await featuresOf(refs(variables.params.encoder), x.ref);
      return await quantizer.encode(quantizersOwn(variables), features);
    },

    async decode(variables: ModelVariables, indices: np.Array) {
      using _ = owns(variables, indices);
      checkCall("decode", variables, "indices", indices, "int32");
      const quantized = quantizer.decode(quantizersOwn(variables), indices.ref);
      return await outputOf(refs(variables.params.decoder), quantized);
    },
  };
}

function refs<T>(arrays: T): T {
  return tree.ref(arrays as never) as T;
}

function quantizersOwn({ params, state }: ModelVariables): Variables {
  return refs({ params: params.quantizer, state });
}

function checkCall(
  method: string,
  variables: unknown,
  name: string,
  array: unknown,
  dtype: "float32" | "int32",
): void {
  const where = `model.${method}`;
  checkModelVariables(where, variables);
  checkArray(where, name, array, dtype);
  checkAlive(where, { variables, [name]: array });
}

function isQuantizer(part: Layer | Quantizer): part is Quantizer {
  return "codebookSizes" in part;
}
