/** Models of layers that do something else in training. */
import { numpy as np, random, tree } from "@jax-js/jax";
import { describe, expect, it, test } from "vitest";
import { expectDisposed } from "../../../../test/leak.ts";
import { loadModel, saveModel } from "../checkpoint/model.ts";
import { vectorQuantize } from "../quantizers/vectorQuantize.ts";
import { batchNorm } from "./batchNorm.ts";
import { conv2d } from "./conv2d.ts";
import { dropout } from "./dropout.ts";
import { linear } from "./linear.ts";
import type { LayerStates, ModelVariables } from "./model.ts";
import { layerFromConfig } from "./registry.ts";
import { residual } from "./residual.ts";
import { sequential } from "./sequential.ts";

const numbers = async (x: np.Array) => [...(await x.data())] as number[];
const refs = <T>(arrays: T): T => tree.ref(arrays as never) as T;
const quantizer = () => vectorQuantize({ dim: 4, codebookSize: 16, decay: 0.9 });
const norm = () => batchNorm({ channels: 4, momentum: 0.5 });

const model = sequential([
  conv2d({ inChannels: 1, outChannels: 4 }),
  norm(),
  residual([dropout({ rate: 0.3 }), residual([norm(), linear({ inFeatures: 4, outFeatures: 4 })])]),
  quantizer(),
  dropout({ rate: 0.1 }),
  norm(),
  conv2d({ inChannels: 4, outChannels: 1 }),
]);
const images = () => random.normal(random.key(5), [4, 6, 4, 1]).mul(3).add(7);
const given = { training: true, key: random.key(8) };
const trained = (variables: ModelVariables) =>
  model.apply(variables, images(), { ...given, key: given.key.ref });

type Norms = { encoder: [object, Moments, { layers: [object, { layers: [Moments] }] }] };
type Moments = { mean: np.Array; variance: np.Array };

describe("layers with a state", () => {
  it("have it in the variables, beside the parameters", () => {
    const variables = model.init(random.key(0));
    expect(Object.keys(variables)).toEqual(["params", "state", "layers"]);
    const { encoder, decoder } = variables.layers as LayerStates;
    expect(encoder.map((state) => Object.keys(state))).toEqual([
      [],
      ["mean", "variance"],
      ["layers"],
    ]);
    expect(decoder.map((state) => Object.keys(state))).toEqual([[], ["mean", "variance"], []]);
    const { mean, variance } = (variables.layers as unknown as Norms).encoder[2].layers[1]
      .layers[0];
    expect([mean.shape, variance.shape]).toEqual([[4], [4]]);
  });

  it("move it in training alone, within residual too", async () => {
    const before = model.init(random.key(0));
    const { layers: rested, ...still } = model.apply(refs(before), images());
    const { layers: moved, ...rest } = trained(before);
    tree.dispose([still, rest] as never);
    const means = async (layers: unknown) => {
      const { encoder } = layers as Norms;
      const inner = encoder[2].layers[1].layers[0];
      return [...(await numbers(encoder[1].mean)), ...(await numbers(inner.variance))];
    };
    expect(await means(rested)).toEqual([0, 0, 0, 0, 1, 1, 1, 1]);
    for (const value of await means(moved)) expect([0, 1]).not.toContain(value);
  });

  it("keep their form, also beside layers that train without one", () => {
    const mixed = sequential([norm(), residual([dropout()]), quantizer()]);
    const variables = mixed.init(random.key(0));
    const formOf = ({ layers }: { layers?: LayerStates }) =>
      tree.map((array: np.Array) => array.shape, layers as never) as unknown;
    const before = formOf(variables);
    const x = random.normal(random.key(1), [3, 4]);
    const { layers } = mixed.apply(variables, x, { training: true, key: random.key(2) });
    expect(formOf({ layers: layers! })).toEqual(before);
  });

  it("are in the codes and what is decoded from them", async () => {
    const start = model.init(random.key(1));
    const { layers, quantized, output } = trained(start);
    const { params } = model.init(random.key(1));
    tree.dispose([quantized.quantized, output] as never);
    const variables: ModelVariables = { params, state: quantized.state, layers: layers! };
    const indices = await model.encode(refs(variables), images());
    const decoded = await model.decode(refs(variables), indices.ref);
    const evaluated = model.apply(refs(variables), images());
    expect(await numbers(indices)).toEqual(await numbers(evaluated.quantized.indices));
    const [a, b] = [await numbers(decoded), await numbers(evaluated.output)];
    a.forEach((value, i) => {
      expect(value).toBeCloseTo(b[i]!, 5);
    });
    const features = model.encoder(refs(params).encoder, images(), refs(layers!).encoder);
    expect(features.shape).toEqual([4, 6, 4, 4]);
  });

  it("are saved with the model and loaded", async () => {
    const { layers, quantized, output } = trained(model.init(random.key(1)));
    const { params } = model.init(random.key(1));
    tree.dispose(output);
    const variables: ModelVariables = { params, state: quantized.state, layers: layers! };
    const bytes = await saveModel(model, refs(variables));
    const again = loadModel(bytes);
    expect(again.model.config).toEqual(model.config);
    const [a, b] = [model.apply(variables, images()), again.model.apply(again.variables, images())];
    expect(await numbers(b.output)).toEqual(await numbers(a.output));
  });

  it("are rebuilt from their configurations", () => {
    for (const layer of [norm(), dropout({ rate: 0.2 }), dropout()]) {
      const again = layerFromConfig(JSON.parse(JSON.stringify(layer.config)));
      expect(again.config).toEqual(layer.config);
      expect(Object.keys(again)).toEqual(Object.keys(layer));
    }
  });

  it("see the sample as training does when the codebook is fitted", async () => {
    const normed = sequential([batchNorm({ channels: 4 }), quantizer()]);
    const sample = random.normal(random.key(2), [400, 4]).add(50);
    const fitted = await normed.fit(normed.init(random.key(3)), sample, { warn: () => {} });
    const { codebook } = fitted.state as { codebook: np.Array };
    for (const value of await numbers(codebook)) expect(Math.abs(value)).toBeLessThan(5);
    expect(Object.keys(fitted)).toEqual(["params", "state", "layers"]);
    const { mean } = (fitted.layers as unknown as { encoder: [Moments] }).encoder[0];
    expect(await numbers(mean)).toEqual([0, 0, 0, 0]);
  });
});

describe("what does not fit is refused, and given up", () => {
  const call = (variables: unknown, options?: object) => {
    const x = images();
    return [() => model.apply(variables as never, x, options), x] as const;
  };

  test("training without a key", () => {
    const variables = model.init(random.key(0));
    const [run, x] = call(variables, { training: true });
    expect(run).toThrow("model.apply: key: expected a key in training, for dropout, got undefined");
    expectDisposed([variables, x]);
  });

  test("variables without the states, or with states of none", async () => {
    const { layers, ...variables } = model.init(random.key(0));
    const [run, x] = call(variables);
    expect(run).toThrow(
      "model.apply: variables.layers: expected the states of the layers, { encoder, decoder }, got undefined",
    );
    expectDisposed([variables, x]);
    const plain = sequential([linear({ inFeatures: 1, outFeatures: 4 }), quantizer()]);
    const foreign = { ...plain.init(random.key(0)), layers: layers! };
    await expect(plain.encode(foreign, images())).rejects.toThrow(
      "model.encode: variables.layers: expected none, got Object",
    );
    expectDisposed(foreign);
  });

  test("batchNorm without a state, of one number, of other channels", () => {
    const params = () => norm().init(random.key(0));
    expect(() => norm().apply(params(), np.zeros([2, 4]))).toThrow(
      "batchNorm: state: expected { mean, variance }, got undefined. A model has the states",
    );
    const state = norm().initState!();
    expect(() => norm().train!(params(), np.zeros([1, 4]), { state })).toThrow(
      "batchNorm: input in training: expected more than one number a channel, got [1, 4]",
    );
    expect(() => norm().apply(params(), np.zeros([2, 3]), state)).toThrow(
      "batchNorm: input: expected [..., 4], got [2, 3]",
    );
  });
});

test("a model of dropout and no state has the variables that it always had", () => {
  const dropping = sequential([dropout(), linear({ inFeatures: 4, outFeatures: 4 }), quantizer()]);
  expect(Object.keys(dropping.init(random.key(0)))).toEqual(["params", "state"]);
  const { layers, quantized } = dropping.apply(dropping.init(random.key(0)), np.ones([3, 4]), {
    ...{ training: true, key: random.key(1) },
  });
  expect(layers).toBeUndefined();
  expect(quantized.indices.shape).toEqual([3]);
});
