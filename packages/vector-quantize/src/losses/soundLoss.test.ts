import { jit, numpy as np, random, tree, valueAndGrad } from "@jax-js/jax";
import { expect, test } from "vitest";
import { testPools } from "../../../../test/support/kernelPools.ts";
import { layersKernels } from "../kernels/engine/binaries/layers.ts";
import { Workspace } from "../kernels/layers/workspace.ts";
import { audioAutoencoder } from "../nn/audioAutoencoder.ts";
import { residualFSQ } from "../quantizers/residualFSQ.ts";
import { adamw, sgd } from "../train/optimizers.ts";
import { createTrainer } from "../train/trainer.ts";
import { type SoundLossOptions, soundLoss } from "./soundLoss.ts";
import { soundLossOnKernels } from "./soundLossOnKernels.ts";
import type { SoundLoss } from "./soundParts.ts";

const pools = testPools();
const options: SoundLossOptions = { sampleRate: 8000, mel: 2, stft: 3, windows: [32, 64, 128] };
const names = ["waveform", "mel", "stft"] as const;
type Found = { values: number[]; gradient: Float32Array };

async function inGraph(loss: SoundLoss, x: np.Array, y: np.Array): Promise<Found> {
  const total = (x: np.Array, y: np.Array) => {
    const parts = loss.parts(x, y);
    const sum = names
      .map((name) => parts[name].ref.mul(loss.weights[name]))
      .reduce((a, b) => a.add(b));
    return [sum, parts] as [np.Array, typeof parts];
  };
  const run = jit(valueAndGrad(total as never, { hasAux: true }) as never) as unknown as (
    ...arrays: np.Array[]
  ) => [[np.Array, ReturnType<SoundLoss["parts"]>], np.Array];
  const [[sum, parts], gradient] = run(x.ref, y.ref);
  sum.dispose();
  const values: number[] = [];
  for (const name of names) values.push((await parts[name].data())[0] as number);
  return { values, gradient: (await gradient.data()) as Float32Array };
}

async function onKernels(
  pool: (typeof pools)[0]["pool"],
  loss: SoundLoss,
  x: np.Array,
  y: np.Array,
) {
  const work = new Workspace(pool, await pool.load(layersKernels, pool.form));
  const [a, b] = [(await x.ref.data()) as Float32Array, (await y.ref.data()) as Float32Array];
  const buffers = [work.copyOf(a), work.copyOf(b)] as const;
  const run = soundLossOnKernels(loss, [-1, 1]);
  const { parts = {}, gradient } = await pool.exclusive(() => run(work, buffers, x.shape));
  const found = {
    values: names.map((name) => parts[name] as number),
    gradient: work.floats(gradient, a.length).slice(),
  };
  work.free();
  return found;
}

/** Two sounds that torch was shown too. */
function sounds(): [np.Array, np.Array] {
  const make = (wave: (t: number, which: number) => number) =>
    np.array(
      Float32Array.from({ length: 600 }, (_, i) => wave((i % 300) / 8000, i < 300 ? 0 : 1)),
      { shape: [2, 300, 1] },
    );
  const turn = 2 * Math.PI;
  return [
    make((t, which) =>
      which === 0
        ? 0.5 * Math.sin(turn * 440 * t) + 0.1 * Math.cos(turn * 1300 * t + 1)
        : 0.3 * Math.sin(turn * (200 + 3000 * t) * t),
    ),
    make((t, which) =>
      which === 0
        ? 0.45 * Math.sin(turn * 450 * t) + 0.12 * Math.cos(turn * 1250 * t + 1)
        : 0.25 * Math.sin(turn * (220 + 2900 * t) * t),
    ),
  ];
}

// By torch 2.13.0 in float64: its `stft`, and torchaudio's formula of mel bands.
const wanted = {
  values: [0.2951526366, 0.1608635281, 0.2007618423],
  places: [0, 1, 57, 150, 298, 299, 300, 301, 357, 450, 598, 599],
  slopes: [
    ...[-2.009443301, 0.15067289, -0.186247942, 0.646881283, 0.268092434, -0.548270407],
    ...[-4.527028607, 1.96436999, 4.582590392, -4.620390096, -0.001382183, -0.377738388],
  ],
};

type Run = (loss: SoundLoss, x: np.Array, y: np.Array) => Promise<Found>;
const ways: [string, Run][] = [
  ["in a graph", inGraph],
  ...pools.map(({ name, pool }): [string, Run] => [name, onKernels.bind(undefined, pool)]),
];

test.each(ways)("parts and gradient are torch's, %s", async (_name, run) => {
  const [x, y] = sounds();
  const { values, gradient } = await run(soundLoss(options), x, y);
  for (const [i, value] of wanted.values.entries()) expect(values[i]).toBeCloseTo(value, 5);
  for (const [i, at] of wanted.places.entries()) {
    // Of pure tones most frequencies have next to nothing, whose logarithms have steep slopes.
    const off = Math.abs((gradient[at] as number) - (wanted.slopes[i] as number));
    expect(off / 4.62, `${at}`).toBeLessThan(1e-2);
  }
  tree.dispose([x, y]);
});

test.each([
  [1, 1],
  [3, 7],
  [2, 63],
  [5, 64],
  [1, 515],
])("%i sounds of %i samples: the kernels are the graph", async (batch, length) => {
  const loss = soundLoss({ ...options, windows: [8, 64, 256], bands: [1, 7, 100] });
  const x = random.uniform(random.key(length), [batch, length, 1], { minval: -1, maxval: 1 });
  const y = random.uniform(random.key(length + 1), [batch, length, 1], { minval: -1, maxval: 1 });
  const graph = await inGraph(loss, x, y);
  for (const { name, pool } of pools) {
    const kernels = await onKernels(pool, loss, x, y);
    for (const [i, value] of graph.values.entries())
      expect(kernels.values[i], name).toBeCloseTo(value, 5);
    const most = graph.gradient.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    const off = graph.gradient.reduce(
      (a, b, i) => Math.max(a, Math.abs(b - (kernels.gradient[i] as number))),
      0,
    );
    expect(off / most, name).toBeLessThan(1e-3);
  }
  tree.dispose([x, y]);
});

test("silence is 0 apart from silence, with no slope on the kernels", async () => {
  const zeros = np.zeros([1, 100, 1]);
  expect((await inGraph(soundLoss(options), zeros, zeros.ref)).values).toEqual([0, 0, 0]);
  for (const { pool } of pools) {
    const { values, gradient } = await onKernels(pool, soundLoss(options), zeros, zeros);
    expect(values).toEqual([0, 0, 0]);
    expect(Math.max(...gradient.map(Math.abs))).toBe(0);
  }
  zeros.dispose();
});

test.each([
  ["adamw", adamw(1e-3)],
  ["an optimizer without a rule", { ...sgd(1e-3), init: sgd(1e-3).init }],
])("a training step tells its parts, by %s", async (_name, optimizer) => {
  const quantizer = residualFSQ({ dim: 6, levels: [5, 5], numQuantizers: 2 });
  const model = audioAutoencoder({
    strides: [2, 2],
    width: 2,
    dilations: [1],
    codeDim: 6,
    quantizer,
  });
  const loss = soundLoss({ ...options, windows: [16, 32] });
  const trainer = createTrainer(model, { optimizer, loss });
  const state = trainer.init(random.key(0));
  const batch = random.uniform(random.key(1), [2, 40, 1], { minval: -1, maxval: 1 });
  const graph = trainer.step(tree.ref(state), batch.ref).metrics;
  const kernels = (await trainer.trainStep(state, batch.ref)).metrics;
  expect(Object.keys(kernels)).toEqual(Object.keys(graph));
  const scalarOf = async (x: np.Array | undefined) => [...((await x?.data()) ?? [])][0] as number;
  let sum = 0;
  for (const name of names) {
    const value = await scalarOf(kernels[name]);
    expect(await scalarOf(graph[name]), name).toBeCloseTo(value, 5);
    sum += loss.weights[name] * value;
  }
  expect(await scalarOf(kernels.reconstruction)).toBeCloseTo(sum, 5);
  const { mel } = await trainer.evaluate(model.init(random.key(0)), batch);
  expect(await scalarOf(mel)).toBeGreaterThan(0);
});

test("windows follow the rate, and bands the windows", () => {
  const sizes = (sampleRate: number) => soundLoss({ sampleRate }).scales.map(({ size }) => size);
  expect(sizes(8000)).toEqual([32, 64, 128, 256, 512]);
  expect(sizes(44100)).toEqual([32, 64, 128, 256, 512, 1024, 2048]);
  expect(soundLoss({ sampleRate: 8000 }).scales.map(({ bands }) => bands)).toEqual([
    5, 10, 20, 40, 80,
  ]);
});

test("refuses what is no loss of sounds", () => {
  expect(() => soundLoss({} as never)).toThrow("soundLoss: sampleRate");
  expect(() => soundLoss({ sampleRate: 8000, windows: [100] })).toThrow(
    "a power of 2 from 8 to 8192",
  );
  expect(() => soundLoss({ sampleRate: 8000, windows: [32], bands: [1, 2] })).toThrow(
    "one for each window (1)",
  );
  expect(() => soundLoss({ sampleRate: 8000, waveform: 0, mel: 0, stft: 0 })).toThrow(
    "a weight above 0",
  );
  const model = audioAutoencoder();
  const given = { optimizer: adamw(1e-3) };
  expect(() => createTrainer(model, { ...given, loss: {} as never })).toThrow("or a soundLoss");
  const loss = soundLoss({ sampleRate: 8000 });
  expect(() => createTrainer(model, { ...given, loss, clamp: true })).toThrow(
    "clamp with a soundLoss",
  );
  expect(() => loss.parts(np.zeros([1, 8]), np.zeros([1, 8]))).toThrow("sounds [B, T, 1]");
});
