import { type numpy as np, random, tree, vjp } from "@jax-js/jax";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { layersKernels } from "../kernels/engine/binaries/layers.ts";
import { createPool } from "../kernels/engine/createPool.ts";
import type { Pool } from "../kernels/engine/pool.ts";
import { sizeOf } from "../kernels/layers/layerPlan.ts";
import { Workspace } from "../kernels/layers/workspace.ts";
import { type ArrayTree, jitted } from "../tree.ts";
import { gelu, relu, sigmoid, silu, tanh } from "./activations.ts";
import { avgPool } from "./avgPool.ts";
import { conv1d } from "./conv1d.ts";
import { conv2d } from "./conv2d.ts";
import { convTranspose1d } from "./convTranspose1d.ts";
import { convTranspose2d } from "./convTranspose2d.ts";
import { elu } from "./elu.ts";
import { groupNorm } from "./groupNorm.ts";
import { type Layer, noParameters } from "./layer.ts";
import { layerNorm } from "./layerNorm.ts";
import { leakyRelu } from "./leakyRelu.ts";
import { linear } from "./linear.ts";
import { maxPool } from "./maxPool.ts";
import { arrayAt, bringIn, bringOut, shapesOf, zerosLike } from "./numbers.ts";
import { residual } from "./residual.ts";
import { snake } from "./snake.ts";
import { depthToSpace, spaceToDepth } from "./spaceToDepth.ts";
import { planTape, tapesOf } from "./tape.ts";
import { upsample } from "./upsample.ts";

const pools = new Map<number, Pool>();
function poolOf(threads: number): Pool {
  const pool = pools.get(threads) ?? createPool({ threads });
  pools.set(threads, pool);
  return pool;
}
afterAll(() => {
  for (const pool of pools.values()) pool.dispose();
});

interface Found {
  readonly y: readonly number[];
  readonly dx: readonly number[];
  readonly params: readonly (readonly number[])[];
}

const numbers = async (x: np.Array) => [...((await x.data()) as Float32Array)];
const leavesOf = (params: ArrayTree) => tree.leaves(params as never) as unknown as np.Array[];

/** Forward and back through a tape. Takes nothing over. */
async function onTape(
  layers: readonly Layer[],
  params: ArrayTree[],
  x: np.Array,
  dy: np.Array,
  threads = 2,
): Promise<Found> {
  const pool = poolOf(threads);
  const work = new Workspace(pool, await pool.load(layersKernels, pool.form));
  const before = pool.memory.used;
  const tape = planTape(layers, () => ({ params }), x.shape);
  expect(tape.outputShape).toEqual(dy.shape);
  const own = await bringIn(work, params);
  const gradients = zerosLike(work, params);
  const input = work.copyOf((await x.ref.data()) as Float32Array);
  const byOutput = work.copyOf((await dy.ref.data()) as Float32Array);
  const found = await pool.exclusive(async () => {
    const { y, kept } = await tape.forward(work, own, input, { training: true });
    const output = [...work.floats(y, sizeOf(dy.shape))];
    work.release(y);
    const call = { params: own, gradients, kept, dy: byOutput, wantsInput: true };
    const dx = await tape.backward(work, call);
    return { output, dx: arrayAt(work, dx, x.shape), last: dx };
  });
  const byParams = leavesOf(bringOut(work, gradients, shapesOf(params)));
  for (const each of [own, gradients]) {
    for (const start of tree.leaves(each as never) as unknown as number[]) work.release(start);
  }
  work.release(found.last);
  // Nothing is held any more but the scratch memory.
  expect(() => work.release(input)).toThrow();
  work.free();
  expect(pool.memory.used - before).toBeLessThan(2 ** 22);
  return {
    y: found.output,
    dx: await numbers(found.dx),
    params: await Promise.all(byParams.map(numbers)),
  };
}

/** The same by one compiled graph. */
async function inGraph(
  layers: readonly Layer[],
  params: ArrayTree[],
  x: np.Array,
  dy: np.Array,
): Promise<Found> {
  const run = jitted((given: ArrayTree[], input: np.Array, by: np.Array) => {
    const apply = (given: ArrayTree[], input: np.Array) =>
      layers.reduce((h, layer, i) => layer.apply(given[i] as ArrayTree, h), input);
    const [y, back] = vjp(apply as never, [given, input] as never) as unknown as [
      np.Array,
      ((by: np.Array) => [ArrayTree[], np.Array]) & { dispose(): void },
    ];
    const [byParams, dx] = back(by);
    back.dispose();
    return { y, dx, byParams };
  });
  const { y, dx, byParams } = run(tree.ref(params as never), x.ref, dy.ref);
  return {
    y: await numbers(y),
    dx: await numbers(dx),
    params: await Promise.all(leavesOf(byParams).map(numbers)),
  };
}

/** @param least what is told apart, where all that is wanted is smaller */
function expectClose(
  found: readonly number[],
  wanted: readonly number[],
  what: string,
  least = 1e-3,
): void {
  expect(found.length, what).toBe(wanted.length);
  const scale = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), least);
  const worst = found.reduce((most, value, i) => {
    const off = Math.abs(value - (wanted[i] as number));
    return off <= most ? most : off; // NaN counts
  }, 0);
  expect(worst / scale, what).toBeLessThan(1e-5);
}

async function expectSame(layers: readonly Layer[], shape: number[], seed = 0): Promise<void> {
  const keys = [...random.split(random.key(seed), layers.length + 2)] as np.Array[];
  const params = layers.map((layer, i) => layer.init(keys[i] as np.Array));
  const x = random.normal(keys[layers.length] as np.Array, shape);
  const { outputShape } = planTape(layers, () => ({ params }), shape);
  const dy = random.normal(keys[layers.length + 1] as np.Array, [...outputShape]);
  try {
    const [found, wanted] = [
      await onTape(layers, params, x, dy),
      await inGraph(layers, params, x, dy),
    ];
    expectClose(found.y, wanted.y, "output");
    // Where a slope is next to 0, as snake's at its steepest dent, digits of the product are gone.
    const least = 0.05 * Math.max(...(await numbers(dy.ref)).map(Math.abs));
    expectClose(found.dx, wanted.dx, "gradient of the input", least);
    for (const [i, each] of wanted.params.entries()) {
      expectClose(found.params[i] as number[], each, `gradient of parameter ${i}`);
    }
  } finally {
    tree.dispose([params, x, dy] as never);
  }
}

const upTo = (max: number, min = 1) => fc.integer({ min, max });

/** A layer with an input that it takes. */
const layerCases: fc.Arbitrary<{ layer: Layer; shape: number[] }> = fc.oneof(
  fc
    .record({
      inChannels: upTo(40),
      outChannels: upTo(40),
      groups: upTo(3),
      kernelSize: fc.tuple(upTo(5), upTo(5)),
      stride: fc.tuple(upTo(3), upTo(3)),
      dilation: fc.tuple(upTo(2), upTo(2)),
      bias: fc.boolean(),
      padding: fc.constantFrom("valid" as const, "causal" as const),
      sides: fc.tuple(upTo(20, 10), upTo(20, 10)),
    })
    .map(({ sides, groups, inChannels, outChannels, kernelSize: [high, wide], ...options }) => ({
      layer: conv2d({
        ...options,
        groups,
        kernelSize: [high, options.padding === "causal" ? wide | 1 : wide],
        inChannels: inChannels * groups,
        outChannels: outChannels * groups,
      }) as Layer,
      shape: [2, ...sides, inChannels * groups],
    })),
  fc
    .record({
      channels: fc.tuple(upTo(40), upTo(40)),
      up: upTo(3),
      sides: fc.tuple(upTo(9), upTo(9)),
    })
    .map(({ channels: [inChannels, outChannels], up, sides }) => ({
      layer: conv2d({ inChannels, outChannels, upsample: up }) as Layer,
      shape: [3, ...sides, inChannels],
    })),
  fc
    .record({
      channels: fc.tuple(upTo(20), upTo(20)),
      kernelSize: upTo(7),
      stride: upTo(4),
      dilation: upTo(3),
      length: upTo(200, 20),
    })
    .map(({ channels: [inChannels, outChannels], length, ...rest }) => ({
      layer: conv1d({ inChannels, outChannels, padding: "causal", ...rest }) as Layer,
      shape: [2, length, inChannels],
    })),
  fc
    .record({
      channels: fc.tuple(upTo(12), upTo(12)),
      groups: upTo(3),
      kernelSize: fc.tuple(upTo(5, 3), upTo(5, 3)),
      stride: upTo(3),
      dilation: upTo(2),
      padding: fc.oneof(upTo(2, 0), fc.constant("causal" as const)),
      outputPadding: upTo(1, 0),
      sides: fc.tuple(upTo(9, 3), upTo(9, 3)),
      oneD: fc.boolean(),
    })
    .map(({ channels: [ins, outs], groups, sides, oneD, outputPadding, ...rest }) => {
      const causal = rest.padding === "causal";
      const [down, across] = rest.kernelSize;
      const kernelSize = [down, causal ? across | 1 : across] as const;
      const wide = { inChannels: ins * groups, outChannels: outs * groups, groups, ...rest };
      const more = outputPadding < rest.stride && !causal ? { outputPadding } : {};
      const layer = oneD
        ? convTranspose1d({ ...wide, kernelSize: kernelSize[0] })
        : convTranspose2d({ ...wide, ...more, kernelSize });
      return {
        layer: layer as Layer,
        shape: [2, ...(oneD ? [sides[0] * 5] : sides), wide.inChannels],
      };
    }),
  fc
    .record({ features: fc.tuple(upTo(80), upTo(80)), rows: upTo(300), bias: fc.boolean() })
    .map(({ features: [inFeatures, outFeatures], rows, bias }) => ({
      layer: linear({ inFeatures, outFeatures, bias }) as Layer,
      shape: [rows, inFeatures],
    })),
  fc.record({ features: upTo(70), rows: upTo(50) }).map(({ features, rows }) => ({
    layer: layerNorm({ features: features + 3 }) as Layer,
    shape: [rows, features + 3],
  })),
  fc
    .record({ channels: upTo(9), groups: upTo(3), sides: fc.tuple(upTo(7, 2), upTo(7, 2)) })
    .map(({ channels, groups, sides }) => ({
      layer: groupNorm({ channels: channels * groups, groups }) as Layer,
      shape: [3, ...sides, channels * groups],
    })),
  fc.record({ channels: upTo(30), rows: upTo(50) }).map(({ channels, rows }) => ({
    layer: snake({ channels }) as Layer,
    shape: [rows, channels],
  })),
  fc
    .record({
      make: fc.constantFrom<() => Layer>(
        ...[relu, gelu, silu, tanh, sigmoid],
        () => leakyRelu({ slope: -0.3 }),
        () => elu({ alpha: 1.5 }),
      ),
      shape: fc.array(upTo(9), { minLength: 1, maxLength: 4 }),
    })
    .map(({ make, shape }) => ({ layer: make(), shape })),
  fc
    .record({
      window: upTo(3),
      sides: fc.tuple(upTo(5), upTo(5)),
      channels: upTo(9),
      which: upTo(6),
    })
    .map(({ window, sides: [height, width], channels, which }) => {
      const large = [2, height * window, width * window, channels];
      const small = [2, height, width, channels * window * window];
      const all: [Layer, number[]][] = [
        [maxPool({ window }), large],
        [spaceToDepth({ block: window }), large],
        [depthToSpace({ block: window }), small],
        [upsample({ factor: window }), small],
        [avgPool({ window: [window, 2] }), [2, height * window, 2 * width, channels]],
        [maxPool({ window }), [2, height * window, channels]],
      ];
      const [layer, shape] = all[which - 1] as [Layer, number[]];
      return { layer, shape };
    }),
  fc
    .record({
      make: fc.constantFrom(maxPool, avgPool),
      window: fc.tuple(upTo(4), upTo(4)),
      stride: fc.tuple(upTo(5), upTo(5)),
      more: fc.tuple(upTo(9, 0), upTo(9, 0)),
      channels: upTo(9),
      series: fc.boolean(),
    })
    .map(({ make, window, stride, more, channels, series }) => {
      const sides = window.map((size, at) => size + (more[at] as number));
      return series
        ? {
            layer: make({ window: window[0], stride: stride[0] }),
            shape: [2, sides[0] as number, channels],
          }
        : { layer: make({ window, stride }), shape: [2, ...sides, channels] };
    }),
);

test("layers on the kernels give what their graphs give, forward and back", async () => {
  await fc.assert(
    fc.asyncProperty(layerCases, upTo(1000), ({ layer, shape }, seed) =>
      expectSame([layer], shape, seed),
    ),
    { numRuns: Number(process.env.VQ_LAYER_RUNS ?? 60) },
  );
}, 300_000);

const widths = { inChannels: 8, outChannels: 8 };
/** `2 x + 1` of each number, by a graph alone. */
const own: Layer = {
  config: { type: "own" },
  init: noParameters,
  apply: (_params, x) => x.mul(2).add(1),
};
/** The same with a parameter, in a shape of its own. */
const scaled: Layer<{ scale: np.Array }> = {
  config: { type: "scaled" },
  init: (key) => ({ scale: random.normal(key, [8]) }),
  apply: ({ scale }, x) => x.mul(scale),
};

describe("chains", () => {
  test.each<[string, Layer[]]>([
    ["residual blocks", [residual([relu(), conv2d(widths), relu(), conv2d(widths)])]],
    ["a block that ends in relu", [residual([conv2d(widths), relu()]), gelu()]],
    ["a block of an activation alone", [relu(), residual([relu()])]],
    ["a block within a block", [residual([gelu(), residual([conv2d(widths), gelu()])])]],
    ["graphs in between", [conv2d(widths), own, gelu(), scaled as Layer, conv2d(widths)]],
    ["graphs alone", [own, scaled as Layer]],
    ["a graph in a block", [residual([conv2d(widths), own]), gelu()]],
    ["nothing", []],
  ])("%s", async (_, layers) => {
    await expectSame(layers, [3, 6, 8, 8]);
  });
});

test("threads and the split of a batch change no bit", async () => {
  const layers = [
    conv2d({ inChannels: 3, outChannels: 16 }),
    gelu(),
    maxPool(),
    residual([conv2d({ inChannels: 16, outChannels: 16 }), layerNorm({ features: 16 })]),
    conv2d({ inChannels: 16, outChannels: 3, upsample: 2 }),
  ] as Layer[];
  const params = layers.map((layer, i) => layer.init(random.key(i)));
  const x = random.normal(random.key(7), [24, 16, 16, 3]);
  const dy = random.normal(random.key(8), [24, 16, 16, 3]);
  const one = await onTape(layers, params, x, dy, 1);
  for (const threads of [2, 4, 16]) {
    expect(await onTape(layers, params, x, dy, threads)).toEqual(one);
  }
  const outputs: number[] = [];
  for (const [begin, end] of [
    [0, 1],
    [1, 6],
    [6, 24],
  ] as const) {
    const part = (array: np.Array) => array.ref.slice([begin, end]);
    const [own, by] = [part(x), part(dy)];
    outputs.push(...(await onTape(layers, params, own, by, 2)).y);
    tree.dispose([own, by]);
  }
  expect(outputs).toEqual(one.y);
  tree.dispose([params, x, dy] as never);
});

test("keeps the tapes of the last shapes", () => {
  let planned = 0;
  const layer: Layer = {
    ...relu(),
    work: (shape) => {
      planned += 1;
      return relu().work?.(shape);
    },
  };
  const tapeFor = tapesOf([layer]);
  const first = tapeFor(() => ({ params: [{}] }), [1]);
  expect(tapeFor(() => ({ params: [{}] }), [1])).toBe(first);
  for (let size = 2; size <= 33; size++) tapeFor(() => ({ params: [{}] }), [size]);
  expect(planned).toBe(33);
  tapeFor(() => ({ params: [{}] }), [2]);
  expect(planned).toBe(33);
  expect(tapeFor(() => ({ params: [{}] }), [1])).not.toBe(first);
  expect(planned).toBe(34);
});
