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
import { adamw } from "./optimizers.ts";
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

test("trainStep takes the same step as step, and moves the states", async () => {
  const trainer = createTrainer(model, options);
  let [whole, apart] = [trainer.init(random.key(0)), trainer.init(random.key(0))];
  for (let step = 0; step < 3; step++) {
    const [a, b] = [trainer.step(whole, batch(step)), await trainer.trainStep(apart, batch(step))];
    [whole, apart] = [a.state, b.state];
    expect(await valuesOf(a.metrics)).toEqual(await valuesOf(b.metrics));
    tree.dispose([a.metrics, b.metrics] as never);
  }
  expect(await valuesOf(whole)).toEqual(await valuesOf(apart));
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
      const result = trainer.step(state, batch(step));
      state = result.state;
      await result.metrics.loss.ref.data();
      tree.dispose(result.metrics as never);
    },
    { steps: 100 },
  );
  expect(grown).toBe(0);
  expect(await error()).toBeLessThan(before / 3);
});
