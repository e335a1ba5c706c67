import { grad, jit, numpy as np, random, tree } from "@jax-js/jax";
import { describe, expect, it, test } from "vitest";
import { VectorQuantizeError } from "../errors.ts";
import { gelu, relu, sigmoid, silu, tanh } from "./activations.ts";
import { avgPool } from "./avgPool.ts";
import { batchNorm } from "./batchNorm.ts";
import { conv1d } from "./conv1d.ts";
import { conv2d } from "./conv2d.ts";
import { convTranspose1d } from "./convTranspose1d.ts";
import { convTranspose2d } from "./convTranspose2d.ts";
import { dropout } from "./dropout.ts";
import { elu } from "./elu.ts";
import { groupNorm } from "./groupNorm.ts";
import type { Layer } from "./layer.ts";
import { layerNorm } from "./layerNorm.ts";
import { leakyRelu } from "./leakyRelu.ts";
import { linear } from "./linear.ts";
import { maxPool } from "./maxPool.ts";
import { permute } from "./permute.ts";
import { layerFromConfig } from "./registry.ts";
import { residual } from "./residual.ts";
import { snake } from "./snake.ts";
import { depthToSpace, spaceToDepth } from "./spaceToDepth.ts";
import { upsample } from "./upsample.ts";

const numbers = async (x: np.Array) => [...(await x.data())] as number[];

/** 0, 1, 2, ... in this shape. */
const counting = (...shape: number[]) =>
  np
    .arange(shape.reduce((a, b) => a * b))
    .astype(np.float32)
    .reshape(shape);

test("linear multiplies and adds", async () => {
  const params = {
    weight: np.array([
      [1, 2, 3],
      [10, 20, 30],
    ]),
    bias: np.array([0, 0, 100]),
  };
  const y = linear({ inFeatures: 2, outFeatures: 3 }).apply(params, np.array([[[1, 1]], [[2, 0]]]));
  expect(y.shape).toEqual([2, 1, 3]);
  expect(await numbers(y)).toEqual([11, 22, 133, 2, 4, 106]);
});

test("permute puts axes in another order, and refuses what is no order", async () => {
  const y = permute({ axes: [0, 2, 1] }).apply({}, counting(1, 2, 3));
  expect(y.shape).toEqual([1, 3, 2]);
  expect(await numbers(y)).toEqual([0, 3, 1, 4, 2, 5]);
  for (const axes of [[0], [1, 0], [0, 1, 1], [0, 1, 3], "012", undefined]) {
    expect(() => permute({ axes: axes as never })).toThrow("permute: axes: expected the axes");
  }
  expect(() => permute({ axes: [0, 2, 1] }).apply({}, counting(1, 2))).toThrow("expected 3 axes");
});

// From torch 2.13.0's functional relu, gelu, silu and tanh.
test.each<[string, Layer, number[]]>([
  ["relu", relu(), [0, 0, 0, 0, 0.5, 2]],
  ["gelu", gelu(), [-0.004050225, -0.15865526, -0.046017218, 0, 0.34573123, 1.9544997]],
  ["silu", silu(), [-0.14227761, -0.26894143, -0.047502082, 0, 0.31122968, 1.7615941]],
  ["tanh", tanh(), [-0.99505478, -0.76159418, -0.099667996, 0, 0.46211717, 0.96402758]],
])("%s", async (_name, layer, expected) => {
  const y = await numbers(layer.apply({}, np.array([-3, -1, -0.1, 0, 0.5, 2])));
  expected.forEach((value, i) => {
    expect(y[i]).toBeCloseTo(value, 6);
  });
});

test("layerNorm divides by the deviation over all features, and survives none", async () => {
  const params = { weight: np.array([1, 1, 1, 2]), bias: np.array([0, 0, 5, 0]) };
  const y = layerNorm({ features: 4 }).apply(
    params,
    np.array([
      [1, 2, 3, 6],
      [7, 7, 7, 7],
    ]),
  );
  const expected = [-1.069043, -0.5345217, 5, 3.207131, 0, 0, 5, 0];
  (await numbers(y)).forEach((value, i) => {
    expect(value).toBeCloseTo(expected[i] as number, 5);
  });
});

test("spaceToDepth lists the pixels of a patch row by row", async () => {
  const patches = spaceToDepth({ block: 2 }).apply({}, counting(1, 4, 4, 1));
  expect(patches.shape).toEqual([1, 2, 2, 4]);
  const expected = [0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15];
  expect(await numbers(patches)).toEqual(expected);
});

test.each([1, 2, 3])("depthToSpace undoes spaceToDepth, block %d", async (block) => {
  const x = counting(2, 6, 12, 3);
  const patches = spaceToDepth({ block }).apply({}, x.ref);
  const back = depthToSpace({ block }).apply({}, patches);
  expect(back.shape).toEqual([2, 6, 12, 3]);
  expect(await numbers(back)).toEqual(await numbers(x));
});

// jax-js composes these views wrongly where a block is as wide as it has channels.
test("what comes behind depthToSpace meets the right pixels", async () => {
  const patches = counting(1, 4, 4, 18);
  const toSpace = depthToSpace({ block: 3 });
  const whole = toSpace.apply({}, patches.ref);
  const pixels = np.array(await numbers(whole.ref), { shape: whole.shape });
  const toDepth = spaceToDepth({ block: 2 });
  const both = jit((x: np.Array) => toDepth.apply({}, toSpace.apply({}, x)))(patches);
  expect(await numbers(both)).toEqual(await numbers(toDepth.apply({}, pixels)));
  whole.dispose();
});

test.each([
  [2, 4, 2, 1],
  [2, 2, 2, 1],
  [3, 6, 3, 1],
  [2, 5, 3, 1],
])(
  "convTranspose2d to %d channels, kernel %d, stride %d, padding %d",
  async (F, k, stride, padding) => {
    const options = { inChannels: 2, outChannels: F, kernelSize: k, stride, padding, bias: false };
    const layer = convTranspose2d(options);
    const params = layer.init(random.key(0)) as { weight: np.Array };
    const x = random.normal(random.key(1), [2, 3, 4, 2]);
    const y = layer.apply(tree.ref(params) as never, x.ref);
    const [, height = 0, width = 0] = y.shape;
    const [values, weights] = [await numbers(x.ref), await numbers(params.weight.ref)];
    const sums = new Float64Array(y.size);
    for (const [at, value] of values.entries()) {
      const [c, column, row, image] = [at % 2, (at >> 1) % 4, (at >> 3) % 3, Math.floor(at / 24)];
      for (let w = 0; w < k * k * F; w++) {
        const [f, across, down] = [w % F, Math.floor(w / F) % k, Math.floor(w / F / k)];
        const [i, j] = [row * stride + down - padding, column * stride + across - padding];
        if (i < 0 || j < 0 || i >= height || j >= width) continue;
        const weight = weights[((down * k + across) * 2 + c) * F + f] as number;
        sums[((image * height + i) * width + j) * F + f]! += value * weight;
      }
    }
    for (const [at, value] of (await numbers(y)).entries()) expect(value).toBeCloseTo(sums[at]!, 5);
    // The way back is the transpose: <y(x), g> = <x, dx>.
    const g = random.normal(random.key(2), [2, height, width, F]);
    const inner = (input: np.Array) =>
      np.sum(layer.apply(tree.ref(params) as never, input).mul(g.ref));
    const dx = await numbers(jit(grad(inner))(x));
    const along = values.reduce((sum, value, at) => sum + value * dx[at]!, 0);
    const there = await numbers(g.ref);
    expect(along).toBeCloseTo(
      there.reduce((sum, value, at) => sum + value * sums[at]!, 0),
      3,
    );
    tree.dispose([params, g]);
  },
);

test("upsample repeats pixels", async () => {
  const y = upsample().apply(
    {},
    np.array([
      [
        [
          [1, 10],
          [2, 20],
        ],
      ],
    ]),
  );
  expect(y.shape).toEqual([1, 2, 4, 2]);
  const row = [1, 10, 1, 10, 2, 20, 2, 20];
  expect(await numbers(y)).toEqual([...row, ...row]);
});

describe("maxPool", () => {
  it("takes the largest of each window, and NaN where there is one", async () => {
    const x = np
      .array([
        [1, 2, -5, -6, 0, Number.NaN],
        [4, 3, -7, -8, 0, 1],
      ])
      .reshape([1, 2, 6, 1]);
    expect(await numbers(maxPool().apply({}, x))).toEqual([4, -5, Number.NaN]);
  });

  it("has the window as step", async () => {
    const y = maxPool({ window: 3 }).apply({}, counting(1, 3, 6, 2));
    expect(await numbers(y)).toEqual([28, 29, 34, 35]);
  });

  it("sends the gradient to the first of equal values", async () => {
    const x = np
      .array([
        [1, 1, 0, 2],
        [1, 1, 2, 2],
      ])
      .reshape([1, 2, 4, 1]);
    const dx = grad((x: np.Array) =>
      np.sum(
        maxPool()
          .apply({}, x)
          .mul(np.array([[[[7], [9]]]])),
      ),
    )(x);
    expect(await numbers(dx)).toEqual([7, 0, 0, 9, 0, 0, 0, 0]);
  });
});

test.each([1, 2, 3])("a causal conv1d of stride %d does not look ahead", async (stride) => {
  const options = { inChannels: 1, outChannels: 1, kernelSize: 4, dilation: 2, stride } as const;
  const layer = conv1d({ ...options, padding: "causal", bias: false });
  const weight = np.ones([4, 1, 1]);
  // With weights of 1 an output is the sum of what it looks at: of bits, so that the sum names them.
  const x = np.array(
    Float32Array.from({ length: 10 }, (_, t) => 2 ** t),
    { shape: [1, 10, 1] },
  );
  const y = await numbers(layer.apply({ weight }, x));
  const bits = (t: number) => (t < 0 ? 0 : 2 ** t);
  expect(y).toEqual(
    Array.from({ length: Math.ceil(10 / stride) }, (_, t) =>
      [0, 2, 4, 6].reduce((sum, back) => sum + bits(t * stride - back), 0),
    ),
  );
});

test.each([
  [4, 1, 2],
  [3, 2, 2],
  [2, 1, 5],
])("a causal convTranspose1d leads back: kernel %d, dilation %d, stride %d", async (...given) => {
  const [kernelSize, dilation, stride] = given;
  const options = { inChannels: 1, outChannels: 1, kernelSize, dilation, stride, bias: false };
  const up = convTranspose1d({ ...options, padding: "causal" });
  const down = conv1d({ ...options, padding: "causal" });
  const weight = np.ones([kernelSize, 1, 1]);
  const x = np.array(
    Float32Array.from({ length: 3 }, (_, t) => 2 ** t),
    { shape: [1, 3, 1] },
  );
  const long = up.apply({ weight: weight.ref }, x);
  expect(long.shape).toEqual([1, 3 * stride, 1]);
  const seen = await numbers(long.ref);
  seen.forEach((value, t) => {
    expect(value).toBeLessThan(2 ** (Math.floor(t / stride) + 1)); // of inputs up to t / stride
  });
  expect(down.apply({ weight }, long).shape).toEqual([1, 3, 1]);
});

test("groupNorm keeps its digits over long series, far from 0", async () => {
  const length = 50_000;
  const values = Float32Array.from({ length }, (_, t) => 100 + Math.sin(t * t));
  const layer = groupNorm({ groups: 1, channels: 1 });
  const y = layer.apply(layer.init(random.key(0)), np.array(values, { shape: [1, length, 1] }));
  const mean = values.reduce((sum, value) => sum + value, 0) / length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / length;
  const found = await numbers(y);
  const worst = found.reduce((most, value, t) => {
    const exact = (values[t]! - mean) / Math.sqrt(variance + 1e-5);
    return Math.max(most, Math.abs(value - exact));
  }, 0);
  expect(worst).toBeLessThan(3e-5); // a float32 near 100 is exact to 4e-6
});

test("residual adds the input", async () => {
  const layer = residual([linear({ inFeatures: 1, outFeatures: 1 }), relu()]);
  const params = { layers: [{ weight: np.array([[-2]]), bias: np.array([1]) }, {}] };
  expect(await numbers(layer.apply(params, np.array([[0], [3], [-1]])))).toEqual([1, 3, 2]);
});

test.each<[string, Layer, number]>([
  ["linear", linear({ inFeatures: 16, outFeatures: 2000 }), 1 / 4],
  ["conv2d", conv2d({ inChannels: 4, outChannels: 500, kernelSize: 3 }), 1 / 6],
  ["conv2d in groups", conv2d({ inChannels: 12, outChannels: 600, groups: 3 }), 1 / 6],
  ["convTranspose2d", convTranspose2d({ inChannels: 5, outChannels: 500, groups: 5 }), 1 / 30],
])("%s starts uniform between -1/sqrt(fan in) and 1/sqrt(fan in)", async (_name, layer, bound) => {
  const { weight, bias } = layer.init(random.key(1)) as Record<string, np.Array>;
  for (const values of [await numbers(weight as np.Array), await numbers(bias as np.Array)]) {
    const variance = values.reduce((sum, v) => sum + v * v, 0) / values.length;
    expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(bound);
    expect(Math.max(...values)).toBeGreaterThan(0.95 * bound);
    expect(Math.min(...values)).toBeLessThan(-0.95 * bound);
    expect(variance / (bound ** 2 / 3)).toBeGreaterThan(0.8);
    expect(variance / (bound ** 2 / 3)).toBeLessThan(1.2);
  }
});

const everyLayer: [Layer, number[]][] = [
  [avgPool({ window: [2, 3], stride: [1, 2] }), [1, 3, 7, 2]],
  [avgPool({ window: 3 }), [2, 9, 2]],
  [batchNorm({ channels: 2, momentum: 0.2, eps: 1e-3 }), [3, 2]],
  [conv2d({ inChannels: 2, outChannels: 3, kernelSize: 5, padding: 1, bias: false }), [1, 6, 6, 2]],
  [conv2d({ inChannels: 2, outChannels: 3, upsample: 2 }), [1, 4, 4, 2]],
  [conv2d({ inChannels: 2, outChannels: 3, kernelSize: [2, 3], padding: "causal" }), [1, 4, 4, 2]],
  [
    conv2d({ inChannels: 4, outChannels: 6, groups: 2, kernelSize: [4, 2], padding: [1, 0] }),
    [2, 5, 4, 4],
  ],
  [conv2d({ inChannels: 1, outChannels: 2, stride: [2, 1], dilation: [1, 3] }), [2, 5, 4, 1]],
  [conv1d({ inChannels: 4, outChannels: 6, groups: 2, stride: 2, dilation: 2 }), [2, 9, 4]],
  [conv1d({ inChannels: 2, outChannels: 1, kernelSize: 4, padding: [3, 1] }), [2, 9, 2]],
  [conv1d({ inChannels: 2, outChannels: 1, kernelSize: 4, padding: "causal" }), [2, 9, 2]],
  [
    convTranspose1d({ inChannels: 4, outChannels: 2, groups: 2, kernelSize: 4, padding: "causal" }),
    [2, 5, 4],
  ],
  [convTranspose1d({ inChannels: 2, outChannels: 2, stride: 3, outputPadding: 2 }), [2, 5, 2]],
  [
    convTranspose2d({ inChannels: 2, outChannels: 3, kernelSize: [4, 2], stride: 2, padding: 1 }),
    [2, 3, 4, 2],
  ],
  [
    convTranspose2d({ inChannels: 1, outChannels: 2, dilation: [2, 1], outputPadding: [1, 0] }),
    [2, 3, 4, 1],
  ],
  [convTranspose2d({ inChannels: 2, outChannels: 1, stride: 2, padding: "causal" }), [1, 3, 4, 2]],
  [depthToSpace({ block: 2 }), [1, 4, 4, 4]],
  [dropout({ rate: 0.2 }), [2, 3]],
  [elu({ alpha: 0.5 }), [2, 3]],
  [gelu(), [2, 3]],
  [groupNorm({ groups: 2, channels: 4, eps: 1e-3 }), [2, 3, 4]],
  [layerNorm({ features: 3, eps: 1e-3 }), [2, 3]],
  [leakyRelu({ slope: 0.2 }), [2, 3]],
  [linear({ inFeatures: 3, outFeatures: 2, bias: false }), [2, 3]],
  [maxPool({ window: 3 }), [1, 6, 6, 2]],
  [maxPool({ window: 3, stride: 2 }), [2, 8, 2]],
  [relu(), [2, 3]],
  [residual([linear({ inFeatures: 3, outFeatures: 3 }), residual([silu()])]), [2, 3]],
  [sigmoid(), [2, 3]],
  [silu(), [2, 3]],
  [snake({ channels: 3 }), [2, 3]],
  [spaceToDepth({ block: 3 }), [1, 6, 6, 2]],
  [tanh(), [2, 3]],
  [upsample({ factor: 3 }), [1, 2, 2, 1]],
];

describe.each(everyLayer.map(([layer, shape]) => [layer.config.type, layer, shape] as const))(
  "%s",
  (_type, layer, shape) => {
    it("is rebuilt from its configuration as JSON", async () => {
      const again = layerFromConfig(JSON.parse(JSON.stringify(layer.config)));
      expect(again.config).toEqual(layer.config);
      const params = layer.init(random.key(2));
      const x = random.normal(random.key(3), shape);
      const y = layer.apply(tree.ref(params as never), x.ref, layer.initState?.());
      expect(await numbers(again.apply(params, x, again.initState?.()))).toEqual(await numbers(y));
    });

    it("refuses hostile values of its options, or works", () => {
      const { type, ...options } = layer.config;
      const values = [
        Number.NaN,
        -1,
        0,
        1.5,
        1e9,
        1e308,
        "x",
        {},
        [],
        [null],
        () => 0,
        Symbol("x"),
      ];
      for (const name of Object.keys(options)) {
        const make = (value: unknown) => () => layerFromConfig({ type, ...options, [name]: value });
        expect(make(null)).toThrow(VectorQuantizeError);
        for (const value of values) {
          try {
            expect(make(value)().config).toEqual({ ...layer.config, [name]: value });
          } catch (error) {
            expect(error).toBeInstanceOf(VectorQuantizeError);
          }
        }
      }
    });

    it("refuses an option that it does not know", () => {
      const config = { ...layer.config, colour: "red" };
      if (Object.keys(layer.config).length === 1) return; // has no options at all
      if (layer.config.type === "residual") return;
      expect(() => layerFromConfig(config)).toThrow('option "colour": expected one of');
    });
  },
);
