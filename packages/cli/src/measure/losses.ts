import { jit, numpy as np, random, tree } from "@jax-js/jax";
import { toFloats } from "vector-quantize/data";
import type { Model } from "vector-quantize/nn";
import { type CodedPicture, codeShape, fromFileOrder } from "../codec/codeShape.ts";
import type { PictureModel } from "../codec/modelFile.ts";
import type { NamedPicture } from "../codec/pictures.ts";

/** Gathers the quantizer's losses, which exist in training mode alone, for given codes. */
export interface LossMeter {
  /** Pictures of one size, and their codes. Those of another size than the model's are left out. */
  add(pictures: readonly NamedPicture[], coded: readonly CodedPicture[]): Promise<void>;
  /** By name: means over all pictures that count. */
  means(): Record<string, number>;
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

export function lossMeter({ model, variables, images: trained }: PictureModel): LossMeter {
  const measure = lossesOf(model);
  const order = codeShape(model.quantizer);
  const sums: Record<string, number> = {};
  let images = 0;
  return {
    async add(pictures, coded) {
      const [{ height, width, channels }] = pictures as [NamedPicture];
      if (height !== trained.height || width !== trained.width) return;
      const { shape } = coded[0] as CodedPicture;
      const indices = np.array(
        joined(
          coded.map(({ codes }) => codes),
          Int32Array,
        ),
        {
          shape: [pictures.length, ...shape, ...order.perVector],
          dtype: np.int32,
        },
      );
      const floats = pictures.map((picture) => toFloats({ ...picture, count: 1 }, [0]));
      const losses = measure({
        variables: tree.ref(variables as never),
        x: np.array(joined(floats, Float32Array), {
          shape: [pictures.length, height, width, channels],
        }),
        indices: fromFileOrder(indices, order),
        key: random.key(0), // for losses that draw
      });
      for (const [name, loss] of Object.entries(losses)) {
        const [value = 0] = await loss.data();
        sums[name] = (sums[name] ?? 0) + value * pictures.length;
      }
      images += pictures.length;
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

/** Arrays of one length, one after another. */
function joined<T extends Int32Array<ArrayBuffer> | Float32Array<ArrayBuffer>>(
  parts: readonly ArrayLike<number>[],
  Kind: new (length: number) => T,
): T {
  const each = parts[0]?.length ?? 0;
  const all = new Kind(parts.length * each);
  for (const [i, part] of parts.entries()) all.set(part, i * each);
  return all;
}
