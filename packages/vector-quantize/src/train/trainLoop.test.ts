import { random, tree } from "@jax-js/jax";
import { expect, test } from "vitest";
import { linear } from "../nn/linear.ts";
import { sequential } from "../nn/sequential.ts";
import { vectorQuantize } from "../quantizers/vectorQuantize.ts";
import { adamw } from "./optimizers.ts";
import { createPhaseTimer } from "./phaseTimer.ts";
import { createTrainer } from "./trainer.ts";
import { trainLoop } from "./trainLoop.ts";

const around = (quantizer: Parameters<typeof sequential>[0][number]) =>
  createTrainer(
    sequential([
      linear({ inFeatures: 6, outFeatures: 4 }),
      quantizer,
      linear({ inFeatures: 4, outFeatures: 6 }),
    ]),
    { optimizer: adamw(1e-2) },
  );
const trainer = around(vectorQuantize({ dim: 4, codebookSize: 8 }));
const batch = (step: number) => random.normal(random.key(step), [32, 6]);

test("reports every step, one late, and makes the next batch before a step is done", async () => {
  const events: string[] = [];
  const { state, step } = await trainLoop(trainer.init(random.key(0)), {
    trainer,
    batch(step) {
      events.push(`batch ${step}`);
      return batch(step);
    },
    from: 0,
    to: 3,
    onReport: (report) => events.push(`report ${report.step}`),
    afterStep: (_state, step) => {
      events.push(`after ${step}`);
    },
  });
  expect(step).toBe(3);
  expect((await state.step.ref.data())[0]).toBe(3);
  expect(events).toEqual([
    ...["batch 0", "batch 1", "after 1"],
    ...["batch 2", "report 1", "after 2"],
    ...["report 2", "after 3", "report 3"],
  ]);
  tree.dispose(state as never);
});

test("reports a step at once where it is asked to finish, and none twice", async () => {
  const reported: number[] = [];
  const known: number[][] = [];
  const { state } = await trainLoop(trainer.init(random.key(0)), {
    trainer,
    batch,
    from: 0,
    to: 4,
    onReport: ({ step }) => reported.push(step),
    async afterStep(_state, step, finish) {
      if (step === 2 || step === 4) await finish();
      known.push([...reported]);
    },
  });
  expect(known).toEqual([[], [1, 2], [1, 2], [1, 2, 3, 4]]);
  expect(reported).toEqual([1, 2, 3, 4]);
  tree.dispose(state as never);
});

test("stops where it is asked to", async () => {
  let steps = 0;
  const { state, step } = await trainLoop(trainer.init(random.key(0)), {
    trainer,
    batch: async (step) => batch(step),
    from: 4,
    to: 100,
    afterStep: () => {
      steps += 1;
    },
    shouldStop: () => steps === 2,
  });
  expect(step).toBe(6);
  tree.dispose(state as never);
});

test("a timer sees each part of a step, and changes nothing", async () => {
  const run = async (timer?: ReturnType<typeof createPhaseTimer>) => {
    const losses: number[] = [];
    const options = { trainer, batch, from: 0, to: 4, timer };
    const { state } = await trainLoop(trainer.init(random.key(1)), {
      ...options,
      onReport: ({ values }) => losses.push(values.loss as number),
    });
    tree.dispose(state as never);
    return losses;
  };
  const timer = createPhaseTimer();
  expect(await run(timer)).toEqual(await run());
  const parts = ["data", "encoder forward", "quantizer forward", "decoder", "quantizer backward"];
  parts.push("encoder backward");
  expect(Object.keys(timer.profile)).toEqual([...parts, "optimizer"]);
  for (const time of Object.values(timer.profile)) expect(time).toBeGreaterThan(0);
  timer.reset();
  expect(timer.profile).toEqual({});
});

test.each([
  ["options", undefined],
  ["trainer", { trainer: {} }],
  ["batch", { batch: 1 }],
  ["onReport", { onReport: true }],
  ["from", { from: 0.5 }],
  ["to", { to: -1 }],
  ['option "til"', { til: 3 }],
])("a wrong %s is an error in words, and the state is given up", async (what, wrong) => {
  const state = trainer.init(random.key(0));
  const [leaf] = tree.leaves(state as never) as unknown as [{ refCount: number }];
  const options = wrong && { trainer, batch, from: 0, to: 1, ...wrong };
  await expect(trainLoop(state, options as never)).rejects.toThrow(`trainLoop: ${what}: expected`);
  expect(leaf.refCount).toBe(0);
});
