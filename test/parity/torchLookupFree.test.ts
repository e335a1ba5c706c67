/** `fromTorch` and `toTorch` of the lookup-free classes: against one another, and against PyTorch. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { numpy as np, random, tree } from "@jax-js/jax";
import { describe, expect, it, test } from "vitest";
import {
  readSafetensors,
  saveSafetensors,
  toHost,
} from "../../packages/vector-quantize/src/checkpoint/safetensors.ts";
import type {
  Quantizer,
  QuantizerConfig,
} from "../../packages/vector-quantize/src/quantizers/contract.ts";
import { quantizerFromConfig } from "../../packages/vector-quantize/src/quantizers/registry.ts";
import { fromTorch, toTorch } from "../../packages/vector-quantize/src/torch/fromTorch.ts";
import { expectDisposed } from "../leak.ts";
import { leaves } from "../support/arrays.ts";
import { tensor } from "./cases.ts";
import { expectEqual, expectSame } from "./compare.ts";

/** A configuration, and what a training step of PyTorch is compared in: all if nothing is drawn. */
interface Example {
  config: QuantizerConfig;
  training?: readonly string[];
  /** Whether the values of the start have moved, of which theirs tells the indices. */
  moved?: boolean;
}

const all = ["quantized", "indices", "loss"];
const fsq = (options: object): Example => ({
  config: { type: "fsq", levels: [5, 5, 5], ...options },
  training: ["quantized", "indices"],
});
const lfq = (options: object, training = all): Example => ({
  config: { type: "lfq", codebookSize: 16, ...options },
  training,
});
const fsp = (options: object): Example => ({
  config: { type: "fsp", levels: [8, 5, 5], quantizeRate: 1, ...options },
});
const latent = (options: object, training = all): Example => ({
  config: {
    type: "latentQuantize",
    levels: [5, 4, 8],
    dim: 3,
    layout: "channelFirst",
    ...options,
  },
  training,
});

const examples: Record<string, Example> = {
  FSQ: fsq({ levels: [8, 5, 5] }),
  "FSQ projected": fsq({ dim: 7 }),
  "FSQ projected without bias": fsq({ dim: 7, projectionHasBias: false, boundHardClamp: true }),
  "FSQ codebooks": fsq({ numCodebooks: 2, orthogonalRotation: true }),
  "FSQ symmetric": fsq({ levels: [2, 3, 4], preserveSymmetry: true, keepNumCodebooksDim: true }),
  "FSQ noise": {
    ...fsq({ preserveSymmetry: true, noiseDropout: 0.5, noiseScale: "fixed" }),
    training: ["indices"],
  },
  "FSQ channel first": fsq({ layout: "channelFirst", dim: 4 }),
  "FSQ image": fsq({ layout: "image" }),
  "FSQ video": fsq({ layout: "video" }),
  LFQ: lfq({}),
  "LFQ by dim": { config: { type: "lfq", dim: 4, hasProjections: true } },
  "LFQ projected": lfq({ dim: 7, projectionHasBias: false, entropyLossWeight: 0.5 }),
  "LFQ codebooks": lfq({ numCodebooks: 2, orthogonalRotation: true, diversityGamma: 2.5 }),
  "LFQ spherical": lfq({ spherical: true, codebookScale: 0.5, commitmentLossWeight: 0.25 }),
  "LFQ cosine": lfq({ dim: 7, cosineSimProjectIn: true, keepNumCodebooksDim: true }),
  "LFQ cosine, scaled": lfq({ dim: 7, cosineSimProjectIn: { scale: 3 }, softClampInputValue: 2 }),
  "LFQ softplus": lfq({ softplusEntropyLoss: true }),
  "LFQ softplus, offset": lfq({ softplusEntropyLoss: { offset: 1.5 } }),
  "LFQ of a part": lfq({ fracPerSampleEntropy: 0.5 }, ["quantized", "indices"]),
  "LFQ channel first": lfq({ layout: "channelFirst", dim: 6 }),
  "LFQ image": lfq({ layout: "image" }),
  FSP: fsp({}),
  "FSP drawn": { ...fsp({ quantizeRate: 0.5 }), training: ["indices", "loss"] },
  "FSP projected": fsp({ dim: 7, activation: "normal", vectorNorm: "kurt" }),
  "FSP without bias": fsp({ dim: 7, projectionHasBias: false, vectorNorm: "none" }),
  "FSP inverse": fsp({ inverseActivation: true, activation: "laplace", vectorNorm: "varLaplace" }),
  "FSP image": fsp({ layout: "image", activation: "sigmoid", vectorNorm: "varSigmoid" }),
  LatentQuantize: latent({}),
  "LatentQuantize of one number": latent({ levels: 5, codebookDim: 3, keepNumCodebooksDim: true }),
  "LatentQuantize codebooks": latent({ dim: 6, numCodebooks: 2, quantizationLossWeight: 1 }),
  "LatentQuantize moved": { ...latent({}, ["quantized", "loss"]), moved: true },
  "LatentQuantize still": latent({ optimizeValues: false, commitmentLossWeight: 0 }),
  // Its losses are of the input and the output there.
  "LatentQuantize projected": latent({ dim: 7 }, ["quantized", "indices"]),
  "LatentQuantize image": latent({ layout: "image" }),
  BinaryMapper: { config: { type: "binaryMapper" }, training: ["loss"] },
  "BinaryMapper of bits": {
    config: { type: "binaryMapper", bits: 4, klLossThreshold: 0.5, deterministicOnEval: true },
    training: ["loss"],
  },
};

function made({ config, moved }: Example) {
  const quantizer = quantizerFromConfig(config);
  const { params, state } = quantizer.init(random.key(0));
  const apart = (x: np.Array) => x.mul(1.7).add(0.05);
  return {
    quantizer,
    variables: { params: moved ? tree.map(apart, params as never) : params, state },
  };
}

function input({ config: { layout = "channelLast" } }: Example, { dim }: Quantizer): np.Array {
  const shapes: Record<string, number[]> = {
    channelFirst: [3, dim, 10],
    image: [2, dim, 4, 5],
    video: [2, dim, 2, 2, 3],
    channelLast: [3, 10, dim],
  };
  return random.normal(random.key(5), shapes[layout as string] as number[]);
}

describe.each(Object.entries(examples))("a quantizer of ours: %s", (_, example) => {
  it("comes back as it was", async () => {
    const { quantizer, variables } = made(example);
    const there = toTorch(quantizer, tree.ref(variables));
    const back = fromTorch(there.className, there.kwargs, there.tensors);
    const { layout, ...options } = example.config;
    // Images and videos are told by the rank of the input there.
    const first = layout === undefined ? {} : { layout: "channelFirst" };
    expect(back.quantizer.config).toEqual({ ...options, ...first });
    expect(tree.structure(back.variables)).toEqual(tree.structure(variables));
    const { variables: theirs } = back;
    const [before, after] = await Promise.all([variables, theirs].map((own) => leaves(own)));
    expect(after).toEqual(before);
  });
});

describe("what cannot be converted", () => {
  it.each([
    ["FSQ", { levels: [5, 5], bogus: 1 }, 'option "bogus": expected one of levels, dim'],
    ["FSQ", { levels: [5, 5], noise_dropout: "1" }, 'noise_dropout: expected a number, got "1"'],
    ["FSQ", { dim: 3 }, "levels: expected a list"],
    ["FSQ", { levels: [5, 5], dim: 3 }, "expected a tensor project_in.weight, got none"],
    ["FSQ", { levels: [5, 5], orthogonal_rotation: true }, "a tensor orthogonal_rot, got none"],
    ["LFQ", { codebook_size: 16 }, "expected a tensor mask, got none"],
    [
      "LFQ",
      { codebook_size: 16, straight_through_activation: () => 0 },
      "straightThroughActivation: expected one of",
    ],
    ["FSP", { levels: [5, 5], vector_norm: "l2" }, 'vector_norm: expected one of "none", "var"'],
    ["FSP", { levels: [5, 5], act_name: "relu" }, "act_name: expected one of"],
    ["LatentQuantize", { levels: [5, 5] }, "dim: expected a number, got undefined"],
    ["LatentQuantize", { levels: [5, 5], dim: 2 }, "a tensor values_per_latent.0, got none"],
    ["BinaryMapper", { bits: 0 }, "bits: expected an integer of at least 1, got 0"],
  ])("from PyTorch is named: %s %j", (className, kwargs, message) => {
    expect(() => fromTorch(className, kwargs, {})).toThrow(message);
  });

  it("from PyTorch: tensors too many", () => {
    const tensors = { more: np.zeros([1]) };
    expect(() => fromTorch("BinaryMapper", {}, tensors)).toThrow("got more");
    expectDisposed(tensors);
  });

  it.each([
    [fsq({ preserveSymmetry: true, noiseDropout: 0.5 }), 'noiseScale "step": the noise of'],
    [lfq({ temperature: 0.1 }), "temperature 0.1: the reference takes inv_temperature in each"],
    [lfq({ entropyFloor: 0 }), "entropyFloor 0: in the reference it is 1e-5"],
    [latent({ layout: "channelLast" }), 'layout "channelLast": the reference takes the features'],
  ])("to PyTorch is dropped, if no evaluation reads it: %j", (example, message) => {
    const { quantizer, variables } = made(example);
    const { dropped, tensors } = toTorch(quantizer, variables);
    expect(dropped).toEqual([expect.stringContaining(message)]);
    tree.dispose(tensors);
  });

  it.each([
    [fsq({ levels: Array(10).fill(9) }), "levels: expected at most 2^31 codes"],
    [lfq({ codebookSize: 2 ** 40 }), "codebookSize: expected at most 2^31 codes"],
  ])("to PyTorch is named: %j", (example, message) => {
    const { quantizer, variables } = made(example);
    expect(() => toTorch(quantizer, variables)).toThrow(message);
    expectDisposed(variables);
  });
});

describe("an object of the user's own", () => {
  it.each([
    [lfq({ straightThroughActivation: "tanh" }), "straight_through_activation", "tanh"],
    [
      lfq({ straightThroughActivation: { name: "own", activation: np.tanh } }),
      "straight_through_activation",
      { name: "own", activation: np.tanh },
    ],
    [fsp({ vectorNorm: { l1Weight: 1 } }), "vec_norm", { l1_weight: 1 }],
  ])("stands among kwargs: %j", (example, option, there) => {
    const { quantizer, variables } = made(example);
    const { className, kwargs, tensors, dropped } = toTorch(quantizer, variables);
    expect(kwargs[option]).toEqual(there);
    expect(dropped).toEqual([]);
    const again = fromTorch(className, kwargs, tensors);
    expect(again.quantizer.config).toEqual(quantizer.config);
    tree.dispose(again.variables as never);
  });
});

describe("what the reference takes for something else", () => {
  test("ResidualFSQ: None for a flag that is on", () => {
    const kwargs = { levels: [5, 5], num_quantizers: 2, bound_hard_clamp: null };
    const { quantizer } = fromTorch("ResidualFSQ", kwargs, {});
    expect(quantizer.config.bounds).toBe("none");
  });

  test("LatentQuantize: an optimizer that never steps there", () => {
    const kwargs = { levels: [5, 5], dim: 2, optimize_values: false };
    const given = { ...kwargs, in_place_codebook_optimizer: { name: "any" } };
    const { quantizer, variables } = fromTorch("LatentQuantize", given, {});
    expect(quantizer.config.optimizeValues).toBe(false);
    tree.dispose(variables as never);
  });

  test("FSQ: options without effect", () => {
    const kwargs = { levels: [5, 5], scale: 2, return_indices: false, allowed_dtypes: [] };
    const { quantizer } = fromTorch("FSQ", kwargs, {});
    expect(quantizer.config).toEqual({ type: "fsq", levels: [5, 5] });
  });

  test("LatentQuantize: None and False", () => {
    const kwargs = { levels: [3, 3], dim: 4, num_codebooks: 2, keep_num_codebooks_dim: false };
    const given = { ...kwargs, optimize_values: null };
    const { quantizer, variables } = fromTorch("LatentQuantize", given, {});
    tree.dispose(variables);
    expect(quantizer.config).toEqual({
      type: "latentQuantize",
      levels: [3, 3],
      dim: 4,
      numCodebooks: 2,
      layout: "channelFirst",
      optimizeValues: false,
    });
  });
});

const python = process.env.VQ_PYTHON;

describe.skipIf(!python)("PyTorch itself (VQ_PYTHON names a Python that has it)", () => {
  const script = fileURLToPath(new URL("../../parity/torch_check.py", import.meta.url));

  it("loads what toTorch writes, does the same with it, and gives back what fromTorch loads", async () => {
    const folder = mkdtempSync(join(tmpdir(), "torch-"));
    try {
      for (const [name, example] of Object.entries(examples)) {
        const { quantizer, variables } = made(example);
        const { className, kwargs, tensors } = toTorch(quantizer, variables);
        const state = Object.entries(tensors).map(([key, array]) => [`state/${key}`, array]);
        const x = input(example, quantizer);
        const bytes = await saveSafetensors({ ...Object.fromEntries(state), x });
        writeFileSync(join(folder, `${name}.safetensors`), bytes);
        writeFileSync(join(folder, `${name}.json`), JSON.stringify({ class: className, kwargs }));
      }
      const { status, stderr } = spawnSync(python as string, [script, folder], {
        encoding: "utf8",
      });
      expect(status, stderr).toBe(0);
      for (const [name, example] of Object.entries(examples)) await compare(folder, name, example);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }, 120_000);

  async function compare(folder: string, name: string, example: Example): Promise<void> {
    const { tensors } = readSafetensors(readFileSync(join(folder, `${name}.theirs.safetensors`)));
    const theirs = await toHost(tree.ref(tensors));
    const { quantizer, variables } = made(example);
    // Theirs draws in evaluation, where ours without a key does not.
    const drawn = example.config.type === "binaryMapper" && !example.config.deterministicOnEval;
    const evaluated = example.moved ? ["quantized"] : all;
    const compared = { eval: drawn ? [] : evaluated, train: example.training ?? all };
    for (const [mode, parts] of Object.entries(compared)) {
      const { quantized, indices, loss, ...rest } = quantizer.apply(
        tree.ref(variables),
        input(example, quantizer),
        mode === "train" ? { training: true, key: random.key(3) } : {},
      );
      tree.dispose(rest as never);
      const ours = await toHost({ quantized, indices, loss });
      for (const part of parts) {
        const recorded = theirs[`${mode}/${part}`];
        // FSQ has no loss, and the moments of FSP count in training alone.
        if (!recorded || (part === "loss" && mode === "eval")) continue;
        expectSame(`${name}: ${mode}/${part}`, tensor(ours, part), recorded);
      }
    }
    const prefix = "state/";
    const after = Object.fromEntries(
      Object.entries(tensors)
        .filter(([key]) => key.startsWith(prefix))
        .map(([key, array]) => [key.slice(prefix.length), array.ref]),
    );
    tree.dispose(tensors);
    const { className, kwargs, tensors: written } = toTorch(quantizer, variables);
    const loaded = fromTorch(className, kwargs, after);
    const again = await toHost(toTorch(loaded.quantizer, loaded.variables).tensors);
    const first = await toHost(written);
    expect(Object.keys(again)).toEqual(Object.keys(first));
    for (const key of Object.keys(first)) {
      expectEqual(`${name}: ${key}`, tensor(again, key), tensor(first, key));
    }
  }
});
