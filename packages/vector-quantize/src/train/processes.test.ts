import { type numpy as np, random, tree } from "@jax-js/jax";
import { describe, expect, it } from "vitest";
import { leakedBytes } from "../../../../test/leak.ts";
import { inProcesses, processes } from "../../../../test/support/processes.ts";
import { partOf } from "../distributed/batchParts.ts";
import { type ProcessGroup, solo } from "../distributed/processGroup.ts";
import { defaultPool } from "../kernels/engine/createPool.ts";
import { gelu } from "../nn/activations.ts";
import { batchNorm } from "../nn/batchNorm.ts";
import { conv2d } from "../nn/conv2d.ts";
import { dropout } from "../nn/dropout.ts";
import { linear } from "../nn/linear.ts";
import type { Model } from "../nn/model.ts";
import { sequential } from "../nn/sequential.ts";
import { simVQ } from "../quantizers/simVQ.ts";
import { vectorQuantize } from "../quantizers/vectorQuantize.ts";
import { chain } from "./chain.ts";
import { adamw, sgd } from "./optimizers.ts";
import { createTrainer } from "./trainer.ts";
import { clipByGlobalNorm } from "./transforms.ts";

const images = 10; // parts of 3, 3 and 4 among three
const vq = () => vectorQuantize({ dim: 4, codebookSize: 12, thresholdEmaDeadCode: 1 });

const modelOf = (quantizer: unknown, ...more: unknown[]): Model =>
  sequential([
    conv2d({ inChannels: 1, outChannels: 4, stride: 2 }),
    gelu(),
    ...(more as []),
    quantizer as never,
    linear({ inFeatures: 4, outFeatures: 4 }),
    gelu(),
    conv2d({ inChannels: 4, outChannels: 1, upsample: 2 }),
  ]);

const trainerOf = (model: Model, group: ProcessGroup) =>
  createTrainer(model, {
    optimizer: chain(clipByGlobalNorm(1), adamw(4e-3)),
    group,
    averageDecay: 0.9,
  });

const batchOf = (step: number, { from, to }: { from: number; to: number }): np.Array =>
  random.normal(random.key(step + 40), [images, 8, 8, 1]).slice([from, to]);

/** The losses of some steps, and the numbers of all arrays after them. */
async function train(model: Model, group: ProcessGroup, steps: number) {
  const trainer = trainerOf(model, group);
  let state = trainer.init(random.key(3));
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    const result = await trainer.trainStep(state, batchOf(step, partOf(images, group)));
    state = result.state;
    const { loss, ...others } = result.metrics;
    losses.push((await loss.data())[0] as number);
    tree.dispose(others as never);
  }
  const leaves = tree.leaves(state as never) as unknown as np.Array[];
  const end = await Promise.all(leaves.map(async (leaf) => [...(await leaf.data())]));
  return { losses, end };
}

/** The gradients of one step, as what a descent of rate 1 takes off the parameters. */
async function gradients(model: Model, group: ProcessGroup): Promise<number[]> {
  const trainer = createTrainer(model, { optimizer: sgd(1), group });
  const state = trainer.init(random.key(3));
  const numbersOf = async (tree_: unknown) => {
    const leaves = tree.leaves(tree_ as never) as unknown as np.Array[];
    return (await Promise.all(leaves.map(async (leaf) => [...(await leaf.ref.data())]))).flat();
  };
  const before = await numbersOf(state.variables.params);
  const result = await trainer.trainStep(state, batchOf(0, partOf(images, group)));
  const after = await numbersOf(result.state.variables.params);
  tree.dispose(result as never);
  return before.map((number, i) => number - (after[i] as number));
}

describe("processes that train together", () => {
  it("have the gradients of one", async () => {
    const model = modelOf(simVQ({ dim: 4, codebookSize: 12 }));
    const one = await gradients(model, solo());
    expect(Math.max(...one.map(Math.abs))).toBeGreaterThan(0.01);
    for (const size of [2, 3, 4]) {
      for (const all of await inProcesses(size, (group) => gradients(model, group))) {
        for (const [i, gradient] of all.entries()) {
          expect(Math.abs(gradient - one[i]!), `${size}, ${i}`).toBeLessThan(1e-6);
        }
      }
    }
  });

  it("follow the losses of one, and stay in step to the bit", { timeout: 120_000 }, async () => {
    const model = modelOf(vq());
    const one = await train(model, solo(), 100);
    for (const size of process.env.VQ_RANK_STEPS ? [1, 2, 3, 4] : [2, 3]) {
      const all = await inProcesses(size, (group) => train(model, group, 100));
      for (const each of all) expect(each).toEqual(all[0]);
      for (const [step, loss] of all[0]!.losses.entries()) {
        expect(Math.abs(loss - one.losses[step]!), `${size}, ${step}`).toBeLessThan(1e-5);
      }
    }
  });

  it("stay in step with quantizers that train, layers that draw and layers with states", async () => {
    const model = modelOf(
      simVQ({ dim: 4, codebookSize: 12 }),
      batchNorm({ channels: 4 }),
      dropout({ rate: 0.2 }),
    );
    const all = await inProcesses(2, (group) => train(model, group, 4));
    expect(all[1]).toEqual(all[0]);
  });

  it("exchange what the page on many processes says", async () => {
    const model = modelOf(vq());
    const { groups, traffic } = processes(2);
    await Promise.all(groups.map((group) => train(model, group, 1)));
    const [vectors, dim, shapes] = [images * 16, 4, 2 * 9 * 4];
    const fingerprints = 2 * 8;
    const up = (floats: number) => 4 * Math.ceil(floats / 4) * 4; // whole vectors of four
    const layers = [9 * 4, 4, 16, 4, 9 * 4, 1]; // weights and biases
    const gradients = layers.reduce((sum, floats) => sum + up(floats), 0);
    expect(traffic.given).toEqual({
      allGather: fingerprints + shapes + vectors * (dim + 1) * 4,
      allReduce: 2 * (gradients + 2 * 8),
    });
  });

  it.each([
    ["in the kernels' memory", vq],
    ["through arrays", () => simVQ({ dim: 4, codebookSize: 12 })],
  ])("leak nothing %s", async (_, quantizer) => {
    const model = modelOf(quantizer());
    const { memory } = defaultPool();
    const { groups } = processes(2);
    const runs = groups.map((group) => {
      const trainer = trainerOf(model, group);
      return { trainer, group, state: trainer.init(random.key(3)) };
    });
    let used = 0;
    const grown = await leakedBytes(async (step) => {
      const taken = runs.map(async (run) => {
        const batch = batchOf(step, partOf(images, run.group));
        const { state, metrics } = await run.trainer.trainStep(run.state, batch);
        run.state = state;
        await metrics.loss.ref.data();
        tree.dispose(metrics as never);
      });
      await Promise.all(taken);
      if (step === 1) used = memory.used;
    });
    expect(grown).toBe(0);
    expect(memory.used).toBe(used);
    for (const { state } of runs) tree.dispose(state as never);
  });

  it("notice that they began apart", async () => {
    const model = modelOf(vq());
    const messages = await inProcesses(3, async (group) => {
      const trainer = trainerOf(model, group);
      const state = trainer.init(random.key(group.rank === 1 ? 9 : 3));
      return trainer.trainStep(state, batchOf(0, partOf(images, group))).then(
        () => "passed",
        (error: Error) => error.message,
      );
    });
    const message =
      "trainer.trainStep: expected the same state in all processes after 0 steps, got another one in " +
      "process 1 than in process 0. Start all from one key, or from one checkpoint";
    expect(messages).toEqual([message, message, message]);
  });

  it("take no step in one graph", async () => {
    const [group] = processes(2).groups as [ProcessGroup];
    const trainer = trainerOf(modelOf(vq()), group);
    expect(() => trainer.step(trainer.init(random.key(0)), batchOf(0, { from: 0, to: 5 }))).toThrow(
      "trainer.step: expected one process, got several. They take steps together by trainStep",
    );
  });
});
