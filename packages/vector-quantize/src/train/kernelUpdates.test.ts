import { numpy as np, random, tree } from "@jax-js/jax";
import { afterAll, describe, expect, test } from "vitest";
import { layersKernels } from "../kernels/engine/binaries/layers.ts";
import { createPool } from "../kernels/engine/createPool.ts";
import { type Addresses, addressesIn } from "../kernels/layers/layerPlan.ts";
import { Workspace } from "../kernels/layers/workspace.ts";
import { type ArrayTree, jitted } from "../tree.ts";
import { moveAverage, type ParamsAverage, startAverage } from "./averageParams.ts";
import { chain } from "./chain.ts";
import { HeldState } from "./heldState.ts";
import { takeUpdates } from "./kernelUpdates.ts";
import { multiSteps } from "./multiSteps.ts";
import { applyUpdates, type GradientTransformation } from "./optimizer.ts";
import { adam, adamw, sgd } from "./optimizers.ts";
import { partition } from "./partition.ts";
import { linearSchedule, warmupCosineSchedule } from "./schedules.ts";
import { addDecayedWeights, clipByGlobalNorm, scale, scaleByAdam } from "./transforms.ts";
import { ruleOf, type UpdateRule } from "./updateRule.ts";

const pools = [createPool({ threads: 1 }), createPool({ threads: 3 })] as const;
afterAll(() => {
  for (const pool of pools) pool.dispose();
});

/** Sizes below a vector, no multiple of one, and of several blocks. */
const shapes = {
  encoder: [{ weight: [5, 7], bias: [7] }, {}, { weight: [2500] }],
  quantizer: { codes: [3], rest: [] as number[] },
  decoder: [{ weight: [33, 32], bias: [1] }],
};
type Tree = ReturnType<typeof normal>;
function normal(seed: number, scale: number) {
  let at = 0;
  const leaf = (shape: number[]) =>
    random.normal(random.key(1000 * seed + at++), shape).mul(scale * (1 + (at % 3)));
  const each = (layer: { weight?: number[]; bias?: number[] }) =>
    Object.fromEntries(Object.entries(layer).map(([name, shape]) => [name, leaf(shape)]));
  const { quantizer } = shapes;
  return {
    encoder: shapes.encoder.map(each),
    quantizer: { codes: leaf(quantizer.codes), rest: leaf(quantizer.rest) },
    decoder: shapes.decoder.map(each),
  };
}

const group = (path: string) => (path.startsWith("quantizer.") ? "codes" : "rest");
const optimizers: [string, GradientTransformation][] = [
  ["adamw", adamw(0.01)],
  ["adam, other options", adam(0.1, { b1: 0.5, b2: 0.9, eps: 1e-3 })],
  ["sgd", sgd(0.1)],
  ["momentum", sgd(0.1, { momentum: 0.9 })],
  ["nesterov", sgd(0.1, { momentum: 0.9, nesterov: true })],
  ["clipped, by a schedule", chain(clipByGlobalNorm(1), adamw(warmupCosineSchedule(0.1, 3, 9)))],
  ["clipped on the way", chain(addDecayedWeights(0.1), clipByGlobalNorm(0.5), scale(-0.2))],
  ["not clipped", chain(clipByGlobalNorm(1e6), sgd(0.1))],
  [
    "groups",
    chain(
      clipByGlobalNorm(3),
      partition({ codes: adam(0.1), rest: chain(clipByGlobalNorm(1), adamw(0.01)) }, group),
    ),
  ],
  [
    "groups within groups, by number",
    partition(
      {
        codes: sgd(0.1),
        rest: partition({ odd: sgd(0.1), even: adam(0.1) }, (path) =>
          Number(path) % 2 ? "odd" : "even",
        ),
      },
      group,
    ),
  ],
  ["accumulated", multiSteps(chain(clipByGlobalNorm(1), adamw(linearSchedule(0.1, 0.01, 2))), 3)],
  ["decayed after", chain(multiSteps(scaleByAdam(), 2), addDecayedWeights(0.1), scale(-0.1))],
  [
    "accumulated in a group",
    partition({ codes: multiSteps(sgd(0.1), 2), rest: adam(0.01) }, group),
  ],
];

const gradients = (step: number) => normal(step + 2, step % 4 === 3 ? 0.01 : 1);
const decay = 0.8;
const steps = 7;

const numbersIn = (x: unknown): Promise<number[][]> =>
  Promise.all(
    (tree.leaves(x as never) as np.Array[]).map(async (leaf) => [...(await leaf.data())]),
  );

/** Parameters, optimizer's state and average after some steps in a graph. */
async function inGraph(optimizer: GradientTransformation): Promise<number[][]> {
  type State = { params: Tree; optimizer: ArrayTree; average: ParamsAverage<Tree> };
  const run = jitted((state: State, by: Tree): State => {
    const own = tree.ref(state.params as never) as Tree;
    const [updates, next] = optimizer.update(by, state.optimizer, own);
    const params = applyUpdates(state.params, updates);
    const average = moveAverage(state.average, tree.ref(params as never) as Tree, decay);
    return { params, optimizer: next, average };
  });
  let state = start(optimizer);
  for (let step = 0; step < steps; step++) state = run(state, gradients(step));
  return numbersIn(state);
}

function start(optimizer: GradientTransformation) {
  const params = normal(1, 1);
  const own = () => tree.ref(params as never) as Tree;
  const [state, average] = [optimizer.init(own()), startAverage(own())];
  return { params, optimizer: state, average };
}

/** The same on the kernels. */
async function onKernels(optimizer: GradientTransformation, threads: 0 | 1): Promise<number[][]> {
  const pool = pools[threads];
  const work = new Workspace(pool, await pool.load(layersKernels, pool.form));
  const { params, optimizer: state, average } = start(optimizer);
  const held = await HeldState.of(pool, { params, optimizer: state, average } as never);
  tree.dispose([params, state, average] as never);
  const { places } = held;
  for (let step = 0; step < steps; step++) {
    const by = held.gradientsIn(work);
    const numbers = await numbersIn(gradients(step));
    for (const [i, at] of addressesIn(by).entries()) {
      pool.memory.write(at, Float32Array.from(numbers[i] as number[]));
    }
    const weight = (places.average as { weight: number }).weight;
    await pool.exclusive(() =>
      takeUpdates(work, ruleOf(optimizer) as UpdateRule, places.optimizer, held.trainedBy(by), {
        decay,
        weight,
      }),
    );
    work.free();
  }
  const found = held.arraysAt(places as unknown as Addresses) as Record<string, ArrayTree>;
  held.free();
  return numbersIn({ params: found.params, optimizer: found.optimizer, average: found.average });
}

describe.each(optimizers)("%s", (_name, optimizer) => {
  test("comes to what the transformation does, to the same bits for any threads", async () => {
    const wanted = await inGraph(optimizer);
    const found = await onKernels(optimizer, 0);
    expect(found.map(({ length }) => length)).toEqual(wanted.map(({ length }) => length));
    for (const [leaf, values] of wanted.entries()) {
      for (const [i, value] of values.entries()) {
        const off = Math.abs(value - (found[leaf]?.[i] as number));
        expect(off).toBeLessThanOrEqual(1e-5 * Math.max(1, Math.abs(value)));
      }
    }
    expect(await onKernels(optimizer, 1)).toEqual(found);
  });
});

test("gradients that are not numbers come out as such, where the norm is clipped too", async () => {
  const run = chain(clipByGlobalNorm(1), sgd(0.1));
  const pool = pools[0];
  const work = new Workspace(pool, await pool.load(layersKernels, pool.form));
  const params = { encoder: [{ weight: np.ones([5]) }], quantizer: {}, decoder: [] };
  const held = await HeldState.of(pool, { params, optimizer: run.init({}), average: {} });
  const by = held.gradientsIn(work);
  work.floats(addressesIn(by)[0] as number, 5)[3] = Number.NaN;
  await pool.exclusive(() =>
    takeUpdates(work, ruleOf(run) as UpdateRule, held.places.optimizer, held.trainedBy(by)),
  );
  const [found] = await numbersIn(held.arraysAt(held.places.params));
  expect(found?.every(Number.isNaN)).toBe(true);
  work.free();
  held.free();
  tree.dispose(params as never);
});

test("there is no rule for what is not ours", () => {
  const own = adamw(0.01);
  expect(ruleOf(own)).toBeDefined();
  expect(ruleOf({ ...own, update: (updates, state) => [updates, state] })).toBeUndefined();
  const { update } = own;
  const wrapped: GradientTransformation = { ...own, update: (...given) => update(...given) };
  expect(ruleOf(chain(wrapped, sgd(1)))).toBeUndefined();
  expect(ruleOf(multiSteps(wrapped, 2))).toBeUndefined();
  expect(ruleOf(partition({ a: wrapped, b: own }, () => "a"))).toBeUndefined();
  expect(ruleOf(adam(0.1, { eps: 0 }))).toBeUndefined();
});
