import { numpy as np, random, tree } from "@jax-js/jax";
import { expect, test } from "vitest";
import { identity } from "../quantizers/identity.ts";
import { multiscaleVQ } from "../quantizers/multiscaleVQ.ts";
import { residualFSQ } from "../quantizers/residualFSQ.ts";
import { vectorQuantize } from "../quantizers/vectorQuantize.ts";
import { adamw } from "../train/optimizers.ts";
import { createTrainer } from "../train/trainer.ts";
import { type AudioAutoencoderOptions, audioAutoencoder } from "./audioAutoencoder.ts";
import type { Layer } from "./layer.ts";
import type { Model } from "./model.ts";
import { padEnd } from "./padEnd.ts";
import { modelFromConfig } from "./registry.ts";

const small = { strides: [2, 3], width: 4, dilations: [1, 3], codeDim: 6, codebookSize: 8 };
const numbers = async (x: np.Array) => [...((await x.data()) as Float32Array)];
const wave = (seed: number, batch: number, length: number) =>
  random.uniform(random.key(seed), [batch, length, 1], { minval: -0.5, maxval: 0.5 });

const rows: [AudioAutoencoderOptions, number, number[]][] = [
  [{ ...small, numQuantizers: 3 }, 12, [2, 2, 3]],
  [{ ...small, numQuantizers: 3 }, 13, [2, 3, 3]],
  [{ ...small, causal: false, activation: "elu", numQuantizers: 2 }, 1, [2, 1, 2]],
  [{ ...small, decoderWidth: 8, kernelSize: 3, numQuantizers: 1 }, 7, [2, 2, 1]],
  [
    { ...small, quantizer: residualFSQ({ dim: 6, levels: [5, 5], numQuantizers: 2 }) },
    17,
    [2, 3, 2],
  ],
  [
    { ...small, quantizer: multiscaleVQ({ dim: 6, codebookSize: 8, strides: [2, 1] }) },
    ...([13, [2, 6]] as [number, number[]]),
  ],
  [
    { ...small, quantizer: vectorQuantize({ dim: 6, codebookSize: 8, layout: "channelFirst" }) },
    ...([6, [2, 1]] as [number, number[]]),
  ],
];

test.each(rows)("%j codes %i samples and keeps their number", async (options, length, codes) => {
  const model = audioAutoencoder(options);
  const variables = model.init(random.key(0));
  const x = wave(1, 2, length);
  const { output, quantized } = model.apply(tree.ref(variables), x.ref);
  expect(output.shape).toEqual([2, length, 1]);
  expect(quantized.indices.shape).toEqual(codes);
  const indices = await model.encode(tree.ref(variables), x);
  expect(await numbers(indices.ref)).toEqual(await numbers(quantized.indices));
  const decoded = await model.decode(variables, indices);
  expect(decoded.shape[1]).toBe(Math.ceil(length / model.lengthMultiple) * model.lengthMultiple);
  const [whole, cut] = [
    await numbers(decoded.slice([0], [0, length])),
    await numbers(output.slice([0])),
  ];
  for (const [i, value] of cut.entries()) expect(whole[i]).toBeCloseTo(value, 5);
  expect(modelFromConfig(JSON.parse(JSON.stringify(model.config))).config).toEqual(model.config);
});

/** All layers, those in residual units too. */
const every = ({ layers: { encoder, decoder } }: Model): readonly Layer[] => [
  ...encoder,
  ...decoder,
];

test.each([{}, { causal: false }, { activation: "elu" as const }])(
  "%j runs on kernels",
  (options) => {
    const model = audioAutoencoder({ ...small, ...options });
    for (const side of ["encoder", "decoder"] as const) {
      let shape = side === "encoder" ? [1, 20, 1] : [1, 4, 6];
      for (const layer of model.layers[side]) {
        const work = layer.work?.(shape);
        expect(work, layer.config.type).toBeDefined();
        shape = [...(work?.outputShape ?? [])];
      }
      expect(shape).toEqual(side === "encoder" ? [1, 4, 6] : [1, 24, 1]);
    }
    expect(every(model).length).toBeGreaterThan(10);
  },
);

test.each([
  [true, 6],
  [false, 18],
])("causal: %s, and a sample reaches %i samples back at most", async (causal, most) => {
  const model = audioAutoencoder({ ...small, causal });
  const { params } = model.init(random.key(0));
  const x = wave(1, 1, 60);
  const other = np.concatenate([x.ref.slice([], [0, 36]), wave(2, 1, 24)], 1);
  const features = (x: np.Array) =>
    model.decoder(tree.ref(params.decoder), model.encoder(tree.ref(params.encoder), x));
  const [a, b] = [await numbers(features(x)), await numbers(features(other))];
  const first = a.findIndex((value, i) => Math.abs(value - (b[i] as number)) > 1e-7);
  expect(first).toBeLessThanOrEqual(36);
  expect(first).toBeGreaterThan(36 - most * 10);
  expect(first >= 36 - most).toBe(causal);
  tree.dispose(params as never);
});

test.each([12, 13])("a step on the kernels is the graph's, %i samples", async (length) => {
  const quantizer = residualFSQ({ dim: 6, levels: [5, 5], numQuantizers: 2 });
  const model = audioAutoencoder({ ...small, quantizer });
  const trainer = createTrainer(model, { optimizer: adamw(1e-2), loss: "l1" });
  const state = trainer.init(random.key(0));
  const batch = wave(1, 2, length);
  const graph = trainer.step(tree.ref(state), batch.ref);
  const kernels = await trainer.trainStep(state, batch.ref);
  const [wanted, found] = [await numbers(graph.metrics.loss), await numbers(kernels.metrics.loss)];
  expect(found[0]).toBeCloseTo(wanted[0] as number, 5);
  const evaluation = await trainer.evaluate(trainer.averaged(kernels.state), batch);
  expect(evaluation.output.shape).toEqual([2, length, 1]);
});

test("a fresh model neither drowns a sound in a constant nor makes it grow", async () => {
  const quantizer = identity({ dim: 64 });
  const model = audioAutoencoder({ quantizer });
  const { params } = model.init(random.key(0));
  const sound = Float32Array.from({ length: 1600 }, (_, i) => 0.1 * Math.sin(i / 5));
  const x = np.array(sound, { shape: [1, 1600, 1] });
  const codes = model.encoder(tree.ref(params.encoder), x);
  const constant = np.mean(codes.ref, 1, { keepdims: true });
  const power = async (x: np.Array) => (await np.mean(np.square(x)).data())[0] as number;
  const [still, moving] = [await power(constant.ref), await power(codes.ref.sub(constant))];
  const y = await power(model.decoder(tree.ref(params.decoder), codes));
  expect(moving).toBeGreaterThan(still);
  expect(Math.sqrt(y)).toBeGreaterThan(0.005);
  expect(Math.sqrt(y)).toBeLessThan(0.2);
  tree.dispose(params as never);
});

test("padEnd adds the zeros that a multiple lacks", async () => {
  const layer = padEnd({ multiple: 4 });
  expect(await numbers(layer.apply({}, np.ones([1, 5, 1])))).toEqual([1, 1, 1, 1, 1, 0, 0, 0]);
  expect(await numbers(layer.apply({}, np.ones([1, 4, 1])))).toEqual([1, 1, 1, 1]);
  expect(() => layer.apply({}, np.ones([1, 4]))).toThrow("padEnd: input: expected series");
});

test("refuses what does not fit together", () => {
  const quantizer = vectorQuantize({ dim: 16, codebookSize: 4 });
  expect(() => audioAutoencoder({ quantizer })).toThrow(
    "audioAutoencoder: quantizer.dim: expected codeDim (64), got 16",
  );
  expect(() => audioAutoencoder({ kernelSize: 4 })).toThrow("an odd kernelSize, got 4");
  expect(() => audioAutoencoder({ decoderWidth: 100 })).toThrow("a multiple of 16, got 100");
  expect(() => audioAutoencoder({ strides: [1] })).toThrow("strides[0]");
  expect(() => audioAutoencoder({ rate: 8000 } as never)).toThrow('option "rate"');
});
