import { expected, VectorQuantizeError } from "../../errors.ts";
import { audioAutoencoder } from "../../nn/audioAutoencoder.ts";
import type { Layer } from "../../nn/layer.ts";
import type { Model } from "../../nn/model.ts";
import { padEnd } from "../../nn/padEnd.ts";
import { layerFromConfig } from "../../nn/registry.ts";
import { sequential } from "../../nn/sequential.ts";
import type { Quantizer } from "../../quantizers/contract.ts";
import { type LayerModule, layerModule } from "../layerModules.ts";
import type { Module, Tensors } from "../module.ts";

/** The names of the layers of a residual unit. */
const unit = ["snake1", "conv1", "snake2", "conv2"];
const units = ["res_unit1", "res_unit2", "res_unit3"];

/**
 * Descript's codec around its quantizer, with the sizes that its tensors have.
 *
 * A decoder of theirs with an odd stride makes some samples fewer than there are in the hops: zeros stand
 * for these at the end.
 */
export function dacModel(where: string, tensors: Tensors, quantizer: Quantizer): Model {
  const shapeOf = (name: string) => {
    const tensor = tensors[name];
    if (!tensor) throw new VectorQuantizeError(`${where}: expected a tensor ${name}, got none`);
    const { shape } = tensor;
    if (shape.length === 3) return shape as [number, number, number];
    throw expected(`${where}: shape of ${name}`, "[out, in, k]", shape);
  };
  const strides: number[] = [];
  while (`encoder.block.${strides.length}.conv1.weight` in tensors) {
    strides.push(Math.floor(shapeOf(`encoder.block.${strides.length}.conv1.weight`)[2] / 2));
  }
  const [width] = shapeOf("encoder.conv1.weight");
  const [decoderWidth] = shapeOf("decoder.conv1.weight");
  const shape = audioAutoencoder({
    ...{ causal: false, strides, width, decoderWidth, quantizer },
    codeDim: quantizer.dim,
  });
  const { encoder, decoder } = shape.layers;
  const whole = decoder.map((layer) =>
    layer.config.outputPadding ? layerFromConfig({ ...layer.config, outputPadding: 0 }) : layer,
  );
  return sequential([...encoder, quantizer, ...whole, padEnd({ multiple: shape.lengthMultiple })]);
}

/** What the layers of a model keep, under the names of `DacModel`. */
export function dacLayers(where: string, { layers }: Model): Record<"encoder" | "decoder", Module> {
  const stages = layers.encoder.filter(({ config }) => config.type === "residual").length / 3;
  const numbers = Array.from({ length: stages }, (_, at) => `block.${at}.`);
  const down = numbers.flatMap((block) =>
    [...units, "snake1", "conv1"].map((name) => block + name),
  );
  const up = numbers.flatMap((block) =>
    ["snake1", "conv_t1", ...units].map((name) => block + name),
  );
  return {
    encoder: named(where, layers.encoder, ["", "conv1", ...down, "snake1", "conv2"]),
    decoder: named(where, layers.decoder, ["conv1", ...up, "snake1", "conv2", "", ""]),
  };
}

function named(where: string, layers: readonly Layer[], names: readonly string[]): Module {
  return {
    fields: [],
    parts: layers.map((layer, at) => ({
      prefix: `${names[at]}.`,
      place: [at],
      module: unitNames(layerModule(where, layer)),
    })),
  };
}

/** The layers of a residual unit by their names there. */
function unitNames({ parts, ...module }: LayerModule): LayerModule {
  if (!parts) return module;
  return { ...module, parts: parts.map((part, at) => ({ ...part, prefix: `${unit[at]}.` })) };
}
