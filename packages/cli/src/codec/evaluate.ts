import { jit, numpy as np, random, tree } from "@jax-js/jax";
import { bitsPerPixel, hasCodes, meanSquaredError, psnr } from "vector-quantize";
import { type Images, toFloats } from "vector-quantize/data";
import type { Model } from "vector-quantize/nn";
import { applyModel } from "./applyModel.ts";
import { type Codec, type Codes, decodeCodes, encodeImages, type SeeBatch } from "./codec.ts";
import { codeShape, firstImages } from "./codeShape.ts";
import { measureUsage, type Usage } from "./usage.ts";

/** How well a model does on a set of images. */
export interface CodecEvaluation extends Usage {
  readonly images: number;
  /** In dB, of the mean squared error over all pixels. */
  readonly psnr: number;
  readonly bitsPerPixel: number;
  /** The quantizer's losses by name: means over all images. */
  readonly losses: Readonly<Record<string, number>>;
  readonly codes: Codes;
}

/** Called with every batch of reconstructions, in order: floats in [-1, 1]. */
export type SeeReconstructions = (floats: Float32Array, first: number) => Promise<void> | void;

/** Encodes all images, decodes the codes, and compares. */
export async function evaluate(
  codec: Codec,
  images: Images,
  see?: SeeReconstructions,
): Promise<CodecEvaluation> {
  const { model } = codec;
  const losses = lossMeter(codec);
  const codes = await encodeImages(codec, images, losses.see);
  let squares = 0;
  const decoded = hasCodes(model.quantizer) ? decodeCodes(codec, codes) : applyModel(codec, images);
  for await (const { floats, first, count } of decoded) {
    const originals = toFloats(
      images,
      Uint32Array.from({ length: count }, (_, i) => first + i),
    );
    squares += meanSquaredError(originals, floats) * count;
    await see?.(floats, first);
  }
  const vectors = codes.data.length / images.count / model.quantizer.codebookSizes.length;
  return {
    ...measureUsage(codes.data, model.quantizer.codebookSizes),
    images: images.count,
    psnr: psnr(squares / images.count, 2),
    bitsPerPixel: bitsPerPixel(
      model.quantizer.codebookSizes,
      vectors,
      images.height * images.width,
    ),
    losses: losses.means(),
    codes,
  };
}

/** The numbers of an evaluation, without the codes. */
export function summary({ codes: _, counts: _counts, losses, ...numbers }: CodecEvaluation) {
  return { ...numbers, ...losses };
}

type MeasureLosses = (inputs: {
  variables: never;
  x: np.Array;
  indices: np.Array;
  key: np.Array;
}) => Record<string, np.Array>;

const compiled = new WeakMap<Model, MeasureLosses>();

/** The quantizer's losses for given codes; compiled once for each model. */
function lossesOf(model: Model): MeasureLosses {
  const known = compiled.get(model);
  if (known) return known;
  const measure: MeasureLosses = jit(
    ({ variables, x, indices, key }: Parameters<MeasureLosses>[0]) => {
      const options = { training: true, indices, key };
      const { output, quantized } = model.apply(variables, x, options);
      const { losses, ...rest } = quantized;
      tree.dispose([output, rest] as never);
      return Object.fromEntries(Object.entries(losses).map(([name, loss]) => [name, np.sum(loss)]));
    },
  );
  compiled.set(model, measure);
  return measure;
}

/** Gathers losses, batch by batch. */
export interface LossMeter {
  readonly see: SeeBatch;
  /** By name: means over all images. */
  means(): Record<string, number>;
}

/** Gathers the quantizer's losses, which exist in training mode alone, for given codes. */
export function lossMeter({ model, variables }: Codec): LossMeter {
  const measure = lossesOf(model);
  const order = codeShape(model.quantizer);
  const sums: Record<string, number> = {};
  let images = 0;
  return {
    async see({ x, indices, real }) {
      const losses = measure({
        variables: tree.ref(variables as never),
        x: real === x.shape[0] ? x : x.slice([0, real]),
        indices: real === x.shape[0] ? indices : firstImages(indices, real, order),
        key: random.key(0), // for losses that draw
      });
      for (const [name, loss] of Object.entries(losses)) {
        const [value = 0] = await loss.data();
        sums[name] = (sums[name] ?? 0) + value * real;
      }
      images += real;
    },
    // A quantizer reports all losses that it could have: those that it doesn't have are 0.
    means: () =>
      Object.fromEntries(
        Object.entries(sums)
          .filter(([, sum]) => sum !== 0)
          .map(([name, sum]) => [name, sum / images]),
      ),
  };
}
