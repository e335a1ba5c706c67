/** States whose parameters stay in the kernels' memory until somebody looks at them. */
import { type numpy as np, random, tree } from "@jax-js/jax";
import { expect, test } from "vitest";
import { expectDisposed, leakedBytes } from "../../../../test/leak.ts";
import { defaultPool } from "../kernels/engine/createPool.ts";
import { gelu } from "../nn/activations.ts";
import type { Layer } from "../nn/layer.ts";
import { linear } from "../nn/linear.ts";
import { sequential } from "../nn/sequential.ts";
import { vectorQuantize } from "../quantizers/vectorQuantize.ts";
import { release } from "../tree.ts";
import { chain } from "./chain.ts";
import type { GradientTransformation } from "./optimizer.ts";
import { adamw, sgd } from "./optimizers.ts";
import { cosineSchedule } from "./schedules.ts";
import { createTrainer } from "./trainer.ts";
import type { TrainState } from "./trainState.ts";
import { clipByGlobalNorm } from "./transforms.ts";

const map = (inFeatures: number, outFeatures: number) => linear({ inFeatures, outFeatures });
const model = sequential([
  map(6, 9),
  gelu(),
  map(9, 4),
  vectorQuantize({ dim: 4, codebookSize: 8, learnableCodebook: true }),
  map(4, 6),
]);
const optimizer = chain(clipByGlobalNorm(1), adamw(cosineSchedule(0.1, 50)));
const trainer = createTrainer(model, { optimizer, averageDecay: 0.9 });

const batch = (step: number) => random.normal(random.key(100 + step), [16, 6]);
const own = (state: TrainState) => tree.ref(state as never) as unknown as TrainState;
const numbersIn = (x: unknown): Promise<unknown[]> =>
  Promise.all(
    (tree.leaves(x as never) as np.Array[]).map(async (leaf) => [...(await leaf.data())]),
  );

/** Bytes that are taken in the kernels' memory. */
const used = () => defaultPool().memory.used;

async function steps(
  state: TrainState,
  [from, to]: readonly [number, number],
  look: (state: TrainState) => unknown = () => {},
): Promise<TrainState> {
  let last = state;
  for (let step = from; step < to; step++) {
    const result = await trainer.trainStep(last, batch(step));
    last = result.state;
    tree.dispose(result.metrics as never);
    await look(last);
  }
  return last;
}

test("looking at a state changes none of the bits that come after", async () => {
  const straight = await numbersIn(await steps(trainer.init(random.key(0)), [0, 8]));
  const looked = await steps(trainer.init(random.key(0)), [0, 8], async (state) => {
    const { psnr, ...rest } = await trainer.evaluate(trainer.averaged(own(state)), batch(50));
    expect((await psnr.data())[0]).toBeGreaterThan(0);
    tree.dispose(rest as never);
  });
  expect(await numbersIn(looked)).toEqual(straight);
});

test("a state is as good for one graph, and goes on from one", async () => {
  const kernels = await steps(trainer.init(random.key(1)), [0, 2]);
  const graph = trainer.step(kernels, batch(2));
  tree.dispose(graph.metrics as never);
  const mixed = (await numbersIn(await steps(graph.state, [3, 5]))) as number[][];
  const straight = (await numbersIn(
    await steps(trainer.init(random.key(1)), [0, 5]),
  )) as number[][];
  for (const [leaf, values] of straight.entries()) {
    for (const [i, value] of values.entries()) expect(mixed[leaf]?.[i]).toBeCloseTo(value, 4);
  }
});

test("a step takes what it is given, and says so to the next one", async () => {
  const first = await steps(trainer.init(random.key(2)), [0, 1]);
  const kept = own(first);
  const second = await trainer.trainStep(first, batch(1));
  const again = await trainer.trainStep(kept, batch(1));
  expect(await numbersIn(again)).toEqual(await numbersIn(second));
  expectDisposed(first);
  await expect(trainer.trainStep(kept, batch(1))).rejects.toThrow("is used up or disposed of");

  const held = await steps(trainer.init(random.key(2)), [0, 1]); // nobody looks at it
  const third = await trainer.trainStep(held, batch(1));
  await expect(trainer.trainStep(held, batch(1))).rejects.toThrow("is used up or disposed of");
  expectDisposed(held);
  tree.dispose(third as never);
});

test("refuses the state of another optimizer, and gives it up", async () => {
  const mend = "Is this the state of a trainer with another optimizer or average?";
  const others = [
    createTrainer(model, { optimizer: sgd(0.1) }),
    createTrainer(model, { optimizer }),
    createTrainer(model, { optimizer: adamw(0.1), averageDecay: 0.9 }),
  ];
  const before = used();
  for (const other of others) {
    const fresh = other.init(random.key(3));
    await expect(trainer.trainStep(fresh, batch(0))).rejects.toThrow(mend);
    expectDisposed(fresh);
    const held = await other.trainStep(other.init(random.key(3)), batch(0));
    tree.dispose(held.metrics as never);
    await expect(trainer.trainStep(held.state, batch(0))).rejects.toThrow(mend);
    expectDisposed(held.state);
  }
  expect(used()).toBeLessThanOrEqual(before + 2 ** 16); // searches and scratch memory
});

test("memory is given back when a state is released, and by an error", async () => {
  const state = await steps(trainer.init(random.key(4)), [0, 2]);
  const held = used();
  release(state);
  expect(used()).toBeLessThan(held);
  const free = used();
  const next = await steps(trainer.init(random.key(4)), [0, 2]);
  expect(used()).toBe(held);
  await expect(trainer.trainStep(next, random.normal(random.key(0), [16, 5]))).rejects.toThrow(
    "linear: input",
  );
  expect(used()).toBe(free);
  expectDisposed(next);
});

test("an optimizer of one's own takes the step in a graph, to the same end", async () => {
  const { init, update } = optimizer;
  let called = 0;
  const wrapped: GradientTransformation = {
    init,
    update(...given) {
      called += 1;
      return update(...given);
    },
  };
  const other = createTrainer(model, { optimizer: wrapped, averageDecay: 0.9 });
  let state = other.init(random.key(5));
  for (let step = 0; step < 5; step++) {
    const result = await other.trainStep(state, batch(step));
    state = result.state;
    tree.dispose(result.metrics as never);
  }
  expect(called).toBeGreaterThan(0);
  const found = (await numbersIn(state)) as number[][];
  const wanted = (await numbersIn(await steps(trainer.init(random.key(5)), [0, 5]))) as number[][];
  for (const [leaf, values] of wanted.entries()) {
    for (const [i, value] of values.entries()) expect(found[leaf]?.[i]).toBeCloseTo(value, 4);
  }
});

test("layers without kernels are planned for states that are held", async () => {
  const { work: _, ...plain } = map(4, 6);
  const mixed = createTrainer(
    sequential([map(6, 4), vectorQuantize({ dim: 4, codebookSize: 8 }), plain as Layer]),
    { optimizer: adamw(0.01) },
  );
  let state = mixed.init(random.key(6));
  const grown = await leakedBytes(
    async (step) => {
      const rows = 8 + (step % 3);
      const result = await mixed.trainStep(state, random.normal(random.key(step), [rows, 6]));
      state = result.state;
      expect((await result.metrics.loss.ref.data())[0]).toBeGreaterThan(0);
      tree.dispose(result.metrics as never);
    },
    { warmUp: 3, steps: 3 },
  );
  expect(grown).toBe(0);
});
