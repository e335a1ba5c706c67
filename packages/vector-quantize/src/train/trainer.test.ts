import { numpy as np, random, tree } from "@jax-js/jax";
import { describe, expect, it, test } from "vitest";
import { expectDisposed, leakedBytes } from "../../../../test/leak.ts";
import { gelu } from "../nn/activations.ts";
import { conv2d } from "../nn/conv2d.ts";
import { linear } from "../nn/linear.ts";
import { maxPool } from "../nn/maxPool.ts";
import type { ModelVariables } from "../nn/model.ts";
import { sequential } from "../nn/sequential.ts";
import { identity } from "../quantizers/identity.ts";
import { vectorQuantize } from "../quantizers/vectorQuantize.ts";
import { chain } from "./chain.ts";
import { createMetricReader } from "./metricReader.ts";
import { adamw, sgd } from "./optimizers.ts";
import { warmupCosineSchedule } from "./schedules.ts";
import { createTrainer } from "./trainer.ts";
import { trainLoop } from "./trainLoop.ts";
import type { TrainState } from "./trainState.ts";
import { clipByGlobalNorm } from "./transforms.ts";

const model = sequential([
  conv2d({ inChannels: 1, outChannels: 4 }),
  maxPool(),
  gelu(),
  linear({ inFeatures: 4, outFeatures: 4 }),
  vectorQuantize({ dim: 4, codebookSize: 8, decay: 0.9, thresholdEmaDeadCode: 1 }),
  linear({ inFeatures: 4, outFeatures: 4 }),
  gelu(),
  conv2d({ inChannels: 4, outChannels: 1, upsample: 2 }),
]);

const trainer = createTrainer(model, {
  optimizer: chain(clipByGlobalNorm(1), adamw(warmupCosineSchedule(0.01, 5, 100))),
  loss: "l1",
  quantizerWeight: 2,
  clamp: true,
});

/** Vertical and horizontal bars, from the number of the step alone. */
const batch = (step: number) => {
  const images = new Float32Array(16 * 8 * 8);
  for (let b = 0; b < 16; b++) {
    const bar = (step * 7 + b * 5) % 8;
    for (let h = 0; h < 8; h++)
      for (let w = 0; w < 8; w++) images[(b * 8 + h) * 8 + w] = (b % 2 ? h : w) === bar ? 1 : -1;
  }
  return np.array(images, { shape: [16, 8, 8, 1] });
};

/** The values of all arrays of a tree, and the tree anew from such values. */
const toHost = async (state: TrainState) => {
  const [leaves, structure] = tree.flatten(state as unknown as np.Array[]);
  const shapes = leaves.map((leaf) => [leaf.shape, leaf.dtype] as const);
  const values = await Promise.all(leaves.map((leaf) => leaf.data()));
  return { shapes, values, structure };
};
const toDevice = ({ shapes, values, structure }: Awaited<ReturnType<typeof toHost>>) =>
  tree.unflatten(
    structure,
    values.map((data: Float32Array, i: number) => np.array(data, { shape: shapes[i]?.[0] ?? [] })),
  ) as unknown as TrainState;

const train = async (state: TrainState, from: number, to: number) => {
  const losses: number[] = [];
  for (let step = from; step < to; step++) {
    const result = trainer.step(state, batch(step));
    state = result.state;
    losses.push((await result.metrics.loss.data())[0] as number);
    const { loss, ...rest } = result.metrics;
    tree.dispose(rest);
  }
  return { state, losses };
};

describe("createTrainer", () => {
  it("learns", async () => {
    const { losses, state } = await train(trainer.init(random.key(0)), 0, 60);
    expect(losses.at(-1)).toBeLessThan((losses[0] as number) / 2);
    const { psnr, reconstruction, output, indices } = await trainer.evaluate(
      state.variables,
      batch(3),
    );
    expect(output.shape).toEqual([16, 8, 8, 1]);
    expect(indices.shape).toEqual([16, 4, 4]);
    const values = (await output.data()) as Float32Array;
    const target = (await batch(3).data()) as Float32Array;
    const errors = [...values].map((v, i) => Math.abs(v - (target[i] as number)));
    const mean = (list: number[]) => list.reduce((sum, v) => sum + v) / list.length;
    expect((await reconstruction.data())[0]).toBeCloseTo(mean(errors), 4);
    const mse = mean(errors.map((e) => e * e));
    expect((await psnr.data())[0]).toBeCloseTo(10 * Math.log10(4 / mse), 3);
    expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(1);
  });

  it("evaluates a model without codes, whose output tells nothing by its indices", async () => {
    const [there, back] = [
      conv2d({ inChannels: 1, outChannels: 2 }),
      conv2d({ inChannels: 2, outChannels: 1 }),
    ];
    const model = sequential([there, identity({ dim: 2 }), back] as never);
    const trainer = createTrainer(model, { optimizer: sgd(0.01) });
    const { variables, ...rest } = trainer.init(random.key(0));
    tree.dispose(rest as never);
    const found = await trainer.evaluate(tree.ref(variables as never) as never, batch(1));
    const { output, quantized } = model.apply(variables, batch(1));
    const [a, b] = [await found.output.data(), await np.clip(output, -1, 1).data()] as [
      Float32Array,
      Float32Array,
    ];
    a.forEach((value, i) => {
      expect(value).toBeCloseTo(b[i] as number, 5);
    });
    tree.dispose([found.indices, found.psnr, found.reconstruction, quantized] as never);
  });

  it("reports the PSNR of the output clamped to the range", async () => {
    const trainer = createTrainer(model, { optimizer: sgd(0.01), loss: "l1" });
    const fresh = trainer.init(random.key(2));
    const large = (tree.map as (run: unknown, values: unknown) => unknown)(
      (values: np.Array) => values.mul(40),
      fresh.variables.params,
    );
    const state = { ...fresh, variables: { ...fresh.variables, params: large } } as TrainState;
    const own = () => tree.ref(state.variables as never) as TrainState["variables"];
    const { psnr, reconstruction, output, indices } = await trainer.evaluate(own(), batch(3));
    const target = [...((await batch(3).data()) as Float32Array)];
    const errors = [...((await output.data()) as Float32Array)].map(
      (v, i) => v - (target[i] as number),
    );
    const mean = (list: number[]) => list.reduce((sum, v) => sum + v) / list.length;
    const wanted = 10 * Math.log10(4 / mean(errors.map((e) => e * e)));
    expect((await reconstruction.data())[0]).toBeGreaterThan(2 * mean(errors.map(Math.abs)));
    expect((await psnr.data())[0]).toBeCloseTo(wanted, 3);
    const { state: after, metrics } = trainer.step(state, batch(3));
    const { psnr: inTraining, ...rest } = metrics;
    expect((await inTraining.data())[0]).toBeCloseTo(wanted, 1);
    tree.dispose([after, rest, indices] as never);
  });

  it("goes on bit for bit from values saved on the host", async () => {
    const first = await train(trainer.init(random.key(1)), 0, 8);
    const saved = await toHost(first.state);
    const straight = await train(toDevice(saved), 8, 16);
    const whole = await train(trainer.init(random.key(1)), 0, 16);
    expect([...first.losses, ...straight.losses]).toEqual(whole.losses);
    const [a, b] = [await toHost(straight.state), await toHost(whole.state)];
    expect(a.values).toEqual(b.values);
    expect(a.shapes).toEqual(b.shapes);
  });

  it("counts steps, moves the key and adds the losses up", async () => {
    const before = trainer.init(random.key(2));
    const key = [...(await before.key.ref.data())];
    const { state, metrics } = trainer.step(before, batch(0));
    const value = async (name: string) => (await (metrics[name] as np.Array).data())[0] as number;
    expect([...(await state.key.data())]).not.toEqual(key);
    expect((await state.step.data())[0]).toBe(1);
    expect(await value("step")).toBe(1);
    const sum = (await value("reconstruction")) + 2 * (await value("commitment"));
    expect(await value("loss")).toBeCloseTo(sum, 5);
    expect(metrics.indices.shape).toEqual([16, 4, 4]);
  });

  it("averages the parameters where asked to, and evaluates by them", async () => {
    const plain = createTrainer(model, { optimizer: sgd(0.1) });
    const averaging = createTrainer(model, { optimizer: sgd(0.1), averageDecay: 0.5 });
    const weight = async (variables: ModelVariables) => {
      const { bias } = (variables.params.decoder as { bias: np.Array }[])[0] ?? {};
      const values = [...((await bias?.ref.data()) ?? [])] as number[];
      tree.dispose(variables as never);
      return values;
    };
    let state = averaging.init(random.key(5));
    let same = plain.init(random.key(5));
    let mean: number[] = [];
    for (let step = 0; step < 3; step++) {
      const results = [averaging.step(state, batch(step)), plain.step(same, batch(step))] as const;
      [state, same] = [results[0].state, results[1].state];
      tree.dispose(results.map(({ metrics }) => metrics) as never);
      const now = await weight(plain.averaged(tree.ref(same as never) as TrainState));
      const share = 0.5 / (1 - 0.5 ** (step + 1));
      mean = now.map((v, i) => (1 - share) * (mean[i] ?? 0) + share * v);
      const found = await weight(averaging.averaged(tree.ref(state as never) as TrainState));
      for (const [i, value] of found.entries()) expect(value).toBeCloseTo(mean[i] as number, 6);
    }
    expect((await toHost(same)).values.length).toBeLessThan((await toHost(state)).values.length);
  });

  it("refuses options that make no sense", () => {
    const optimizer = sgd(0.1);
    expect(() => createTrainer(model, { optimizer, averageDecay: 1 })).toThrow(
      "createTrainer: averageDecay: expected less than 1, got 1",
    );
    expect(() => createTrainer(model, { optimizer, loss: "huber" as never })).toThrow(
      'one of "l1", "l2"',
    );
    expect(() => createTrainer(model, { optimizer, range: [1, -1] })).toThrow(
      "createTrainer: range: expected [low, high] with low < high, got [1, -1]",
    );
    expect(() => createTrainer(model, { optimizer, weigth: 1 } as never)).toThrow(
      'option "weigth"',
    );
  });
});

describe("what a trainer is given", () => {
  const trainer = createTrainer(model, { optimizer: sgd(0.1) });
  const open = trainer as unknown as Record<string, (...args: unknown[]) => unknown>;
  const zeros = (dtype: np.DType) => np.zeros([2, 8, 8, 1], { dtype });
  const state = () => trainer.init(random.key(0));

  it.each(["step", "trainStep"])("is refused in words, and given up: %s", async (method) => {
    const step = async (...args: unknown[]) => open[method]?.(...args);
    const [given, batch] = [state(), zeros(np.int32)];
    await expect(step(given, batch)).rejects.toThrow(
      `trainer.${method}: dtype of batch: expected float32, got "int32". Convert it`,
    );
    expectDisposed([given, batch]);
    await expect(step(state(), new Float32Array(3))).rejects.toThrow(
      "batch: expected a jax-js array",
    );
    await expect(step(state().variables, zeros(np.float32))).rejects.toThrow(
      /state: expected a trainer's state/,
    );
    await expect(step({ state: state() }, zeros(np.float32))).rejects.toThrow(
      /where it is called state/,
    );
    await expect(step()).rejects.toThrow("state: expected a trainer's state");
    await expect(step(given, zeros(np.float32))).rejects.toThrow(
      /: state\..*: expected an array to take over/,
    );
  });

  it("is refused by the other functions too", async () => {
    expect(() => open.init?.(0)).toThrow("trainer.init: key: expected a key, got 0");
    expect(() => open.averaged?.(undefined)).toThrow("trainer.averaged: state");
    expect(() => open.start?.({}, random.key(0))).toThrow(
      "trainer.start: variables: expected a model",
    );
    const { variables, ...rest } = state();
    tree.dispose(rest as never);
    await expect(open.evaluate?.(variables, zeros(np.bool))).rejects.toThrow(
      "trainer.evaluate: dtype of batch",
    );
    expectDisposed(variables);
  });

  it("is a whole number of steps for trainLoop", async () => {
    const options = { trainer, batch: () => zeros(np.float32), from: 0, to: 1.5 };
    const given = state();
    await expect(trainLoop(given, options)).rejects.toThrow("trainLoop: to: expected an integer");
    expectDisposed(given);
  });
});

test("steps leak nothing", async () => {
  let state = trainer.init(random.key(3));
  const reader = createMetricReader();
  const grown = await leakedBytes(async (i) => {
    const result = trainer.step(state, batch(i));
    state = result.state;
    await reader.push(result.metrics);
  });
  expect(grown).toBe(0);
}, 120_000);

describe("createMetricReader", () => {
  const metrics = (step: number, loss: number) => ({
    loss: np.array(loss),
    reconstruction: np.array(0.5),
    psnr: np.array(20),
    commitment: np.array(0.25),
    indices: np.array(Int32Array.of(step, -1)),
    step: np.array(Int32Array.of(step)).reshape([]),
  });

  it("reports one step late, and the last at the end", async () => {
    const reader = createMetricReader();
    expect(await reader.push(metrics(1, 1.5))).toBeUndefined();
    expect(await reader.push(metrics(2, 1.25))).toEqual({
      step: 1,
      indices: Int32Array.of(1, -1),
      values: { loss: 1.5, reconstruction: 0.5, psnr: 20, commitment: 0.25 },
    });
    expect((await reader.flush())?.step).toBe(2);
    expect(await reader.flush()).toBeUndefined();
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])(
    "names the step whose loss is %d",
    async (loss) => {
      const reader = createMetricReader();
      await reader.push(metrics(7, loss));
      await expect(reader.push(metrics(8, 1))).rejects.toThrow(
        `training step 7: expected a finite loss, got ${loss}`,
      );
    },
  );

  it("tells of NaN in the data", async () => {
    const images = (await batch(0).data()) as Float32Array;
    images[5] = Number.NaN;
    const bad = np.array(images, { shape: [16, 8, 8, 1] });
    const { metrics } = trainer.step(trainer.init(random.key(4)), bad);
    const reader = createMetricReader();
    await reader.push(metrics);
    await expect(reader.flush()).rejects.toThrow(
      "training step 1: expected a finite loss, got NaN",
    );
  });
});
