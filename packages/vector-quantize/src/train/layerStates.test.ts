/** Training of models whose layers do something else in training. */
import { numpy as np, random, tree } from "@jax-js/jax";
import { expect, test } from "vitest";
import { leakedBytes } from "../../../../test/leak.ts";
import { loadTraining, saveTraining } from "../checkpoint/training.ts";
import { batchNorm } from "../nn/batchNorm.ts";
import { dropout } from "../nn/dropout.ts";
import { leakyRelu } from "../nn/leakyRelu.ts";
import { linear } from "../nn/linear.ts";
import { residual } from "../nn/residual.ts";
import { sequential } from "../nn/sequential.ts";
import { vectorQuantize } from "../quantizers/vectorQuantize.ts";
import { adamw, sgd } from "./optimizers.ts";
import { createTrainer } from "./trainer.ts";
import type { TrainState } from "./trainState.ts";

const model = sequential([
  linear({ inFeatures: 6, outFeatures: 8 }),
  batchNorm({ channels: 8 }),
  residual([dropout({ rate: 0.1 }), batchNorm({ channels: 8 }), leakyRelu()]),
  linear({ inFeatures: 8, outFeatures: 4 }),
  vectorQuantize({ dim: 4, codebookSize: 16, decay: 0.9 }),
  dropout({ rate: 0.1 }),
  linear({ inFeatures: 4, outFeatures: 6 }),
]);
const options = { optimizer: adamw(0.01), averageDecay: 0.9 };
const batch = (step: number) => {
  const places = random.uniform(random.key(step), [32, 1], { minval: -3, maxval: 3 });
  return np.sin(places.add(np.arange(6).mul(0.7)));
};
const valuesOf = async (state: unknown) =>
  Promise.all(
    (tree.leaves(tree.ref(state as never)) as np.Array[]).map(async (leaf) => [
      ...(await leaf.data()),
    ]),
  );

const expectClose = async (found: unknown, wanted: unknown, most: number) => {
  const [a, b] = [await valuesOf(found), await valuesOf(wanted)];
  expect(a.map(({ length }) => length)).toEqual(b.map(({ length }) => length));
  for (const [leaf, values] of b.entries()) {
    for (const [i, value] of values.entries()) {
      const off = Math.abs((a[leaf]?.[i] as number) - value);
      expect(off).toBeLessThanOrEqual(most * Math.max(1, Math.abs(value)));
    }
  }
};

test("trainStep takes the same step as step, and moves the states", async () => {
  // The gradient of a bias before batchNorm is rounding alone: Adam would make steps of it.
  const optimizer = sgd(0.02, { momentum: 0.9 });
  const trainer = createTrainer(model, { ...options, optimizer });
  let [whole, apart] = [trainer.init(random.key(0)), trainer.init(random.key(0))];
  for (let step = 0; step < 20; step++) {
    const [a, b] = [trainer.step(whole, batch(step)), await trainer.trainStep(apart, batch(step))];
    [whole, apart] = [a.state, b.state];
    const names = Object.keys(a.metrics);
    expect(Object.keys(b.metrics).sort()).toEqual(names.sort());
    const sorted = names.map((name) => b.metrics[name]);
    const wanted = names.map((name) => a.metrics[name]);
    await expectClose(sorted, wanted, 1e-5);
    tree.dispose([a.metrics, b.metrics] as never);
  }
  await expectClose(apart, whole, 1e-4);
  const { layers } = whole.variables;
  expect(await valuesOf(layers)).not.toEqual(await valuesOf(model.init(random.key(0)).layers));
  const loaded = loadTraining(await saveTraining(model, tree.ref(whole as never), {}));
  const [on, resumed] = [tree.ref(whole as never) as TrainState, loaded.restore(trainer)].map(
    (state) => trainer.step(state, batch(9)),
  );
  expect(await valuesOf(resumed!.metrics)).toEqual(await valuesOf(on!.metrics));
  expect(await valuesOf(resumed!.state.variables)).toEqual(await valuesOf(on!.state.variables));
  const averaged = trainer.averaged(tree.ref(whole as never) as TrainState);
  expect(await valuesOf(averaged.layers)).toEqual(await valuesOf(layers));
});

test("training learns, evaluation goes by the running statistics, and nothing leaks", async () => {
  const trainer = createTrainer(model, options);
  const first = trainer.init(random.key(1));
  const fitted = await model.fit(
    tree.ref(first.variables as never) as typeof first.variables,
    batch(1000),
    { warn: () => {} },
  );
  let state = trainer.start(fitted, random.key(2));
  const error = async () => {
    const variables = trainer.averaged(tree.ref(state as never) as TrainState);
    const { reconstruction, ...rest } = await trainer.evaluate(variables, batch(2000));
    tree.dispose(rest as never);
    return (await reconstruction.data())[0] as number;
  };
  const before = await error();
  const grown = await leakedBytes(
    async (step) => {
      const result = await trainer.trainStep(state, batch(step));
      state = result.state;
      await result.metrics.loss.ref.data();
      tree.dispose(result.metrics as never);
    },
    { steps: 100 },
  );
  expect(grown).toBe(0);
  expect(await error()).toBeLessThan(before / 3);
});

test("a layer of one's own that trains apart has its step in one graph", async () => {
  const { work: _, ...own } = batchNorm({ channels: 8 });
  const wide = { inFeatures: 8, outFeatures: 8 };
  const mixed = sequential([
    linear({ inFeatures: 6, outFeatures: 8 }),
    residual([own as ReturnType<typeof batchNorm>, linear(wide)]),
    vectorQuantize({ dim: 8, codebookSize: 16 }),
    linear({ inFeatures: 8, outFeatures: 6 }),
  ]);
  const trainer = createTrainer(mixed, options);
  const [a, b] = [
    trainer.step(trainer.init(random.key(3)), batch(0)),
    await trainer.trainStep(trainer.init(random.key(3)), batch(0)),
  ];
  expect(await valuesOf(b)).toEqual(await valuesOf(a));
  const variables = trainer.averaged(tree.ref(b.state as never) as TrainState);
  const { psnr } = await trainer.evaluate(tree.ref(variables as never) as never, batch(1));
  const { output } = mixed.apply(variables, batch(1));
  const [error] = await np.mean(np.square(np.clip(output, -1, 1).sub(batch(1)))).data();
  expect((await psnr.data())[0]).toBeCloseTo(10 * Math.log10(4 / (error as number)), 3);
});
