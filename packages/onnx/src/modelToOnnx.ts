import { numpy as np, tree } from "@jax-js/jax";
import { hasCodes, owns } from "vector-quantize";
import type { Layer, Model, ModelVariables } from "vector-quantize/nn";
import { expectedOf } from "./failures.ts";
import { checkOnnxOptions, type OnnxOptions } from "./options.ts";
import { filesOf, fixedSide, inputAxes, type OnnxFiles } from "./toOnnx.ts";
import { traceOf } from "./trace/jaxpr.ts";

/**
 * A model in evaluation as ONNX files: encoder, quantizer and decoder, convolutions as `Conv`.
 *
 * ```ts
 * const { encode, decode } = await modelToOnnx(model, tree.ref(variables));
 * ```
 *
 * `encode` has the input `x`, float32 channels last as the model takes it, and the output `indices`; `apply`
 * beside it the output `output`, the reconstruction; `decode` has the input `indices` and the output
 * `output`. The batch is free, and so are the sides of images and the length of series: multiples of
 * what the model divides them by, or any length with `padEnd` in front.
 *
 * @param variables ownership is taken
 * @throws VectorQuantizeError for variables of another model, a layer that can't be traced, and what ONNX has
 *   no operators for
 */
export async function modelToOnnx(
  model: Model,
  variables: ModelVariables,
  options: OnnxOptions = {},
): Promise<OnnxFiles> {
  using _ = owns(variables);
  checkOnnxOptions("modelToOnnx", options);
  if (typeof model?.encoder !== "function" || !model.quantizer) {
    throw expectedOf("modelToOnnx: model", "a model, as sequential makes it", model);
  }
  const { quantizer, config, layers } = model;
  const [down, up] = [stepsOf(layers.encoder), stepsOf(layers.decoder)];
  const apply = (own: ModelVariables, x: np.Array): np.Array[] => {
    const { output, quantized: found } = model.apply(own, x);
    const { indices, ...others } = found;
    tree.dispose(others as never);
    return [indices, output];
  };
  const axes = options.input ?? inputOf(model, variables, apply);
  const multiple = model.lengthMultiple;
  // Traced at lengths that need no more, where the model itself fills nothing up.
  const fills = multiple > 1 && typeof axes[1] === "string";
  return await filesOf(
    {
      where: "modelToOnnx",
      ...{ variables, quantizer, config, apply, output: "output" },
      input: { name: "x", axes },
      ...(fills && { filling: { axis: 1, multiple } }),
      multiples: { input: fills ? [multiple] : [down, down * up], indices: [1, up] },
      decode({ params, state, layers }: ModelVariables, given) {
        const own = { params: params.quantizer, state } as never;
        const quantized = hasCodes(quantizer) ? quantizer.decode(own, given) : given;
        return [model.decoder(params.decoder, quantized, layers?.decoder)];
      },
      quantized(own: ModelVariables, x) {
        const { output, quantized: found } = model.apply(own, x);
        const { quantized, ...others } = found;
        tree.dispose([output, others] as never);
        return [quantized];
      },
    },
    options,
  );
}

/** Channels that are tried beside those that the configuration of a layer names. */
const mostChannels = 256;

/** The product of all strides and patches of layers. */
function stepsOf(layers: readonly Layer[]): number {
  const text = JSON.stringify(layers.map(({ config }) => config));
  const steps = text.matchAll(/"(?:stride|window|block)":\[?(\d+)(?:,(\d+))?/g);
  return [...steps].reduce(
    (all, [, down, across]) => all * Math.max(1, Number(down), Number(across ?? 1)),
    1,
  );
}

/** Axes of the first input that the model takes: vectors, series or images, of the fewest channels. */
function inputOf(
  { quantizer, layers }: Model,
  variables: ModelVariables,
  apply: (own: ModelVariables, x: np.Array) => np.Array[],
): (number | string)[] {
  if (layers.encoder.length === 0) return inputAxes(quantizer.config, quantizer.dim);
  const steps = stepsOf(layers.encoder);
  const side = fixedSide(quantizer.config);
  const length = steps * (side ?? 16);
  let why = "";
  const takes = (shape: number[]): boolean => {
    const x = np.zeros(shape);
    try {
      traceOf(apply as never, [variables, x]).dispose();
      return true;
    } catch (error) {
      why = (error as Error).message;
      return false;
    } finally {
      x.dispose();
    }
  };
  for (const channels of channelsOf(layers.encoder)) {
    if (takes([2, channels])) return ["batch", channels];
    if (takes([2, length, channels])) return ["batch", "length", channels];
    if (takes([2, length, length, channels])) {
      return side === undefined
        ? ["batch", "height", "width", channels]
        : ["batch", length, length, channels];
    }
  }
  const what = 'the axes of the model\'s input, such as ["batch", "height", "width", 3]';
  throw expectedOf("modelToOnnx: option input", what, undefined, `It can't be told: ${why}`);
}

/** What the first layers may take, the fewest first. */
function channelsOf(layers: readonly Layer[]): number[] {
  const text = JSON.stringify(layers.map(({ config }) => config));
  const named = [...text.matchAll(/:(\d+)/g)].map(([, number]) => Number(number));
  const few = Array.from({ length: mostChannels }, (_, at) => at + 1);
  return [...new Set([...few, ...named.filter((number) => number > 0)])].sort((a, b) => a - b);
}
