/** Layers that do something else in training, on the kernels and in a graph. */
import { grad, numpy as np, random, tree } from "@jax-js/jax";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { layersKernels } from "../kernels/engine/binaries/layers.ts";
import { createPool } from "../kernels/engine/createPool.ts";
import { sizeOf } from "../kernels/layers/layerPlan.ts";
import { Workspace } from "../kernels/layers/workspace.ts";
import { type ArrayTree, jitted } from "../tree.ts";
import { batchNorm } from "./batchNorm.ts";
import { applyLayers, callLayers, initStates } from "./chain.ts";
import { dropout } from "./dropout.ts";
import type { Layer } from "./layer.ts";
import { linear } from "./linear.ts";
import { bringIn, zerosLike } from "./numbers.ts";
import { residual } from "./residual.ts";
import { planTape } from "./tape.ts";

const pools = [createPool({ threads: 1 }), createPool({ threads: 3 })] as const;
afterAll(() => {
  for (const pool of pools) pool.dispose();
});

const leavesOf = (x: unknown) => tree.leaves(x as never) as np.Array[];
const refs = <T>(x: T): T => tree.ref(x as never) as T;
const numbersIn = (x: unknown): Promise<number[][]> =>
  Promise.all(leavesOf(x).map(async (leaf) => [...(await leaf.data())]));

interface Case {
  readonly layers: readonly Layer[];
  readonly params: ArrayTree[];
  readonly states: ArrayTree[];
  readonly x: np.Array;
  readonly dy: np.Array;
  readonly key: np.Array;
}

/** Output, states after it, gradients of input and parameters; the output in evaluation. */
async function inGraph({ layers, params, states, x, dy, key }: Case): Promise<number[][]> {
  type Given = { params: ArrayTree[]; x: np.Array };
  type Rest = { states: ArrayTree[]; key: np.Array; dy: np.Array };
  const train = ({ params, x }: Given, { states, key }: Rest) =>
    callLayers(layers, params, x, { training: true, states, key });
  const forward = jitted((given: Given, { dy, ...rest }: Rest) => {
    dy.dispose();
    return train(given, { dy, ...rest });
  });
  const backward = jitted((given: Given, rest: Rest) => {
    const along = (at: Given): np.Array => {
      const [y, after] = train(at, rest);
      tree.dispose(after as never);
      return np.sum(y.mul(rest.dy));
    };
    return grad(along as never)(...([given] as never)) as Given;
  });
  const evaluate = jitted(({ params, x }: Given, states: ArrayTree[]) =>
    applyLayers(layers, params, x, states),
  );
  const given = () => refs({ params, x });
  const rest = () => refs({ states, key, dy });
  const [y, after] = forward(given(), rest());
  const by = backward(given(), rest());
  return numbersIn([y, after, by.x, by.params, evaluate(given(), refs(states))]);
}

/** The same on the kernels. */
async function onKernels(given: Case, threads: 0 | 1): Promise<number[][]> {
  const { layers, params, states, x, dy, key } = given;
  const pool = pools[threads];
  const work = new Workspace(pool, await pool.load(layersKernels, pool.form));
  const tape = planTape(layers, () => ({ params, states }), x.shape);
  expect(tape.trains).toBe(true);
  const own = await bringIn(work, params);
  const state = await bringIn(work, states);
  const gradients = zerosLike(work, params);
  const [input, by, words] = (await Promise.all([x, dy, key].map((each) => each.ref.data()))) as [
    Float32Array,
    Float32Array,
    Uint32Array,
  ];
  const read = (tree_: unknown, like: unknown) => {
    const sizes = leavesOf(like).map(({ size }) => size);
    const starts = tree.leaves(tree_ as never) as unknown as number[];
    return starts.map((at, i) => [...work.floats(at, sizes[i] as number)]);
  };
  const found = await pool.exclusive(async () => {
    const rested = await tape.forward(work, own, work.copyOf(input), { training: false, state });
    const output = [...work.floats(rested.y, dy.size)];
    const call = { training: true, state, key: Uint32Array.from(words) };
    const { y, kept } = await tape.forward(work, own, work.copyOf(input), call);
    const trained = [...work.floats(y, dy.size)];
    const after = read(state, states);
    const dx = await tape.backward(work, {
      params: own,
      gradients,
      kept,
      dy: work.copyOf(by),
      wantsInput: true,
    });
    return [
      trained,
      ...after,
      [...work.floats(dx, sizeOf(x.shape))],
      ...read(gradients, params),
      output,
    ];
  });
  work.free();
  return found;
}

const upTo = (max: number, min = 1) => fc.integer({ min, max });
const cases = fc
  .record({
    channels: upTo(23),
    rows: upTo(70, 2),
    rate: fc.double({ min: 0, max: 1, noNaN: true }),
    momentum: fc.double({ min: 0, max: 1, noNaN: true }),
    seed: upTo(1000),
    which: upTo(4),
  })
  .map(({ channels, rows, rate, momentum, seed, which }) => {
    const norm = batchNorm({ channels, momentum });
    const map = linear({ inFeatures: channels, outFeatures: channels });
    const chains: Layer[][] = [
      [norm],
      [dropout({ rate })],
      [map, dropout({ rate: 0.3 }), norm, dropout({ rate: 0.5 })],
      [residual([dropout({ rate: 0.2 }), residual([norm, map])]), norm],
    ];
    return { layers: chains[which - 1] as Layer[], shape: [rows, 2, channels], seed };
  });

test("layers train on the kernels as in their graphs", async () => {
  await fc.assert(
    fc.asyncProperty(cases, async ({ layers, shape, seed }) => {
      const keys = [...random.split(random.key(seed), layers.length + 3)] as np.Array[];
      const [a, b, key] = keys.splice(0, 3) as [np.Array, np.Array, np.Array];
      const x = random.normal(a, shape).mul(3).add(2);
      const dy = random.normal(b, shape);
      const params = layers.map((layer, i) => layer.init(keys[i] as np.Array));
      const given = { layers, params, states: initStates(layers), x, dy, key };
      const [wanted, found] = [await inGraph(given), await onKernels(given, 0)];
      expect(found.map(({ length }) => length)).toEqual(wanted.map(({ length }) => length));
      for (const [leaf, values] of wanted.entries()) {
        const scale = Math.max(1, ...values.map(Math.abs));
        for (const [i, value] of values.entries()) {
          expect(Math.abs(value - (found[leaf]?.[i] as number)) / scale).toBeLessThan(1e-5);
        }
      }
      expect(await onKernels(given, 1)).toEqual(found);
      tree.dispose({ x, dy, key, params, states: given.states } as never);
    }),
    { numRuns: 20 },
  );
}, 120_000);

test("the same numbers are dropped as in a graph, over a large input", async () => {
  const layers = [dropout({ rate: 0.37 })];
  const [x, dy] = [np.ones([300, 1111]), np.ones([300, 1111])];
  const given = { layers, params: [{}], states: [{}], x, dy, key: random.key(5) };
  expect(await onKernels(given, 1)).toEqual(await inGraph(given));
});

test("a batch of one number a channel can't be normalised", async () => {
  const norm = batchNorm({ channels: 3 });
  const params = [norm.init(random.key(0))];
  const [x, dy] = [np.ones([1, 3]), np.ones([1, 3])];
  const given = { layers: [norm], params, states: initStates([norm]), x, dy, key: random.key(0) };
  await expect(onKernels(given, 0)).rejects.toThrow(
    "batchNorm: input in training: expected more than one number a channel, got [1, 3]",
  );
});
