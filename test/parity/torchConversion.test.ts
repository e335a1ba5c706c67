/** `fromTorch` and `toTorch`: against recorded modules, against one another, and against PyTorch. */
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
  toDevice,
  toHost,
} from "../../packages/vector-quantize/src/checkpoint/safetensors.ts";
import type { Quantizer } from "../../packages/vector-quantize/src/quantizers/contract.ts";
import type { VectorQuantizeVariables } from "../../packages/vector-quantize/src/quantizers/vectorQuantize/books.ts";
import {
  type VectorQuantizeOptions,
  vectorQuantizeTable,
} from "../../packages/vector-quantize/src/quantizers/vectorQuantize/options.ts";
import { vectorQuantize } from "../../packages/vector-quantize/src/quantizers/vectorQuantize.ts";
import { fromTorch, toTorch } from "../../packages/vector-quantize/src/torch/fromTorch.ts";
import { expectDisposed } from "../leak.ts";
import { leaves } from "../support/arrays.ts";
import { recordedCases, type Tensors, tensor } from "./cases.ts";
import { expectEqual, expectSame } from "./compare.ts";
import { withOwnObjects } from "./ownObjects.ts";

const className = "VectorQuantize";
const onDevice = (tensors: Tensors) =>
  Object.fromEntries(Object.entries(tensors).map(([name, own]) => [name, toDevice(own)]));

/** What has no effect on the quantizer that it makes. */
const withoutEffect = ["kmeans_init", "sync_kmeans", "sync_codebook", "sync_affine_param"];

describe("a recorded module", () => {
  const cases = recordedCases(className);

  test.each(cases)("$name comes back as it was", async ({ kwargs: named, steps, state }) => {
    const kwargs = withOwnObjects(named);
    const last: Tensors = Object.assign({}, state, ...steps.map((step) => step.state));
    for (const recorded of [state, last]) {
      const { quantizer, variables } = fromTorch(className, kwargs, onDevice(recorded));
      const back = toTorch(quantizer, variables);
      expect(back.className).toBe(className);
      // By what it makes: what is the default may be said or not.
      const again = fromTorch(className, back.kwargs, onDevice(recorded));
      expect(again.quantizer.config).toEqual(quantizer.config);
      expect(Object.keys(back.kwargs).filter((name) => withoutEffect.includes(name))).toEqual([]);
      tree.dispose(again.variables);
      const tensors = await toHost(back.tensors);
      for (const name of Object.keys(recorded)) {
        // Memory that nothing was written to, before the first step.
        if (/codebook_(mean|variance)$/.test(name) && recorded === state) continue;
        if (name === "_codebook.initted") continue;
        expectEqual(name, tensor(tensors, name), tensor(recorded, name));
      }
    }
  });
});

const separate = { heads: 2, codebookDim: 3, separateCodebookPerHead: true };
const optionSets: Record<string, Partial<VectorQuantizeOptions>> = {
  plain: {},
  cosine: { metric: "cosine" },
  projected: { codebookDim: 4 },
  "layer normalisation, channel first": {
    codebookDim: 4,
    layernormAfterProjectIn: true,
    layout: "channelFirst",
  },
  image: { layout: "image", gradient: "straightThrough" },
  video: { layout: "video", freezeCodebook: true },
  heads: { heads: 2, codebookDim: 3, decay: 0.9, eps: 1e-3 },
  "codebook per head": separate,
  learnable: { learnableCodebook: true, syncUpdateV: 0.25, commitmentWeight: 0.5 },
  orthogonal: {
    orthogonalRegWeight: 1,
    orthogonalRegActiveCodesOnly: true,
    orthogonalRegMaxCodes: 20,
  },
  diversity: { codebookDiversityLossWeight: 0.1, codebookDiversityTemperature: 7 },
  affine: { affineParam: true, affineParamBatchDecay: 0.9, affineParamCodebookDecay: 0.8 },
  "affine, learnable heads": { ...separate, affineParam: true, learnableCodebook: true },
  directional: {
    gradient: "directional",
    directionalReparamVariance: 0,
    thresholdEmaDeadCode: 0.001,
  },
  gumbel: { gradient: "gumbel", sampleCodebookTemp: 0.5 },
  "no gradient to the input": { gradient: "none", emaUpdate: false },
  "averages by hand": { manualEmaUpdate: true, kmeansIters: 3, maskedOutput: "input" },
  "cross-entropy": { commitment: "crossEntropy" },
};

const shapes: Record<string, number[]> = {
  channelFirst: [3, 6, 5],
  image: [2, 6, 3, 4],
  video: [2, 6, 2, 2, 3],
  channelLast: [3, 5, 6],
};
const input = (options: Partial<VectorQuantizeOptions>) =>
  random.normal(random.key(5), shapes[options.layout ?? "channelLast"] as number[]);

/** A quantizer after a training step. */
function trained(options: Partial<VectorQuantizeOptions>) {
  const quantizer = vectorQuantize({ dim: 6, codebookSize: 12, ...options });
  const { params, state: fresh } = quantizer.init(random.key(0));
  const x = random.normal(random.key(1), shapes[options.layout ?? "channelLast"] as number[]);
  const call = { params: tree.ref(params), state: fresh };
  const { state, ...rest } = quantizer.apply(call, x, { training: true, key: random.key(2) });
  tree.dispose(rest as never);
  return { quantizer, variables: { params, state } };
}

describe.each(Object.keys(optionSets))("a quantizer of ours: %s", (name) => {
  const options = optionSets[name] as Partial<VectorQuantizeOptions>;
  const fresh = () => {
    const quantizer = vectorQuantize({ dim: 6, codebookSize: 12, ...options });
    return { quantizer, variables: quantizer.init(random.key(0)) };
  };

  it.each([
    ["new", fresh],
    ["trained", () => trained(options)],
  ])("comes back as it was, %s", async (_, make) => {
    const { quantizer, variables } = make();
    const there = toTorch(quantizer, tree.ref(variables) as never);
    const back = fromTorch(there.className, there.kwargs, there.tensors);
    const complete = ({ config: { type: _, ...given } }: Quantizer) =>
      vectorQuantizeTable.withDefaults(given as never);
    expect(complete(back.quantizer)).toEqual(complete(quantizer));
    // The codes of a learnable codebook are its parameters and a shift, which become one.
    const codesOf = (own: VectorQuantizeVariables) => quantizer.codebook(tree.ref(own));
    const ours = back.variables as VectorQuantizeVariables;
    expect(await leaves(codesOf(ours))).toEqual(await leaves(codesOf(variables)));
    const { codebook: _a, shift: _b, ...state } = variables.state;
    const { codebook: _c, shift: _d, ...theirs } = ours.state;
    expect(await leaves(theirs)).toEqual(await leaves(state));
    const { codebook: _e, ...params } = variables.params;
    const { codebook: _f, ...others } = ours.params;
    expect(await leaves(others)).toEqual(await leaves(params));
  });
});

describe("what cannot be converted", () => {
  const kwargs = { dim: 4, codebook_size: 8 };
  const tensors = () => toTorch(...plain()).tensors;
  const plain = (options: object = {}) => {
    const quantizer = vectorQuantize({ dim: 4, codebookSize: 8, ...options });
    return [quantizer, quantizer.init(random.key(0))] as never as [Quantizer, never];
  };
  const convert =
    (given: object, own: Record<string, np.Array> = tensors(), name = className) =>
    () =>
      fromTorch(name, { ...kwargs, ...given }, own);

  it.each([
    [{ bogus: 1 }, 'option "bogus": expected one of dim, codebook_size,'],
    [{ decay: "0.8" }, 'decay: expected a number, got "0.8"'],
    [{ use_cosine_sim: 1 }, "use_cosine_sim: expected a boolean, got 1"],
    [{ dim: null }, "dim: expected a number, got null"],
    [{ decay: 2 }, "decay: expected a number from 0 to 1, got 2"],
    [{ straight_through: true }, "rotation_trick is on unless it is false"],
    [{ accept_image_fmap: true, accept_3d_fmap: true }, "accept_image_fmap or accept_3d_fmap"],
    [
      { in_place_codebook_optimizer: () => 0, learnable_codebook: true, ema_update: false },
      "inPlaceCodebookOptimizer: expected an object with a name to save it by, got function",
    ],
    [{ vq_bridge: {} }, "vqBridge: expected an object with a name to save it by"],
    [{ learnable_codebook: true }, "expected emaUpdate off with a learnable codebook"],
    [{ codebook_dim: 2 }, "expected a tensor project_in.weight, got none"],
    [{ codebook_size: 9 }, "shape of _codebook.cluster_size: expected [1,9], got [1, 8]"],
    [{ affine_param: true }, "expected a tensor _codebook.codebook_mean_needs_init, got none"],
  ])("from PyTorch is named: %j", (given, message) => {
    expect(convert(given)).toThrow(message);
  });

  it("from PyTorch: other classes, and tensors too many or too few", () => {
    expect(convert({}, tensors(), "Nothing")).toThrow("className: expected one of VectorQuantize");
    expect(convert({}, { ...tensors(), more: np.zeros([1]) })).toThrow("got more");
    const { "_codebook.embed": missing, ...rest } = tensors();
    missing?.dispose();
    expect(convert({}, rest)).toThrow("expected a tensor _codebook.embed, got none");
    const own = tensors();
    expect(convert({ codebook_size: 9 }, own)).toThrow();
    expectDisposed(own);
  });

  it("from PyTorch: takes what only several processes need, and does without", () => {
    const given = {
      sync_codebook: true,
      sync_kmeans: false,
      sync_affine_param: true,
      kmeans_init: true,
    };
    const { quantizer, variables } = convert(given)();
    expect(quantizer.config).toEqual({ type: "vectorQuantize", dim: 4, codebookSize: 8 });
    tree.dispose(variables);
  });

  const own = { name: "own", loss: () => np.zeros([]), weight: () => np.ones([8]) };
  it.each([
    [{ thresholdEmaDeadCode: { share: 0.5 } }, 'thresholdEmaDeadCode {"share":0.5}: the reference'],
    [{ commitment: own }, 'commitment "own": the reference has the squared error'],
    [{ emaUpdateWeight: own }, "takes ema_update_weight in each call of forward"],
    [
      { gradient: "directional", thresholdEmaDeadCode: 1, commitmentWeight: 1 },
      "commitmentWeight 1: with directional gradients the reference has no commitment loss",
    ],
    [
      { ...separate, orthogonalRegWeight: 1, orthogonalRegActiveCodesOnly: true },
      "orthogonalRegActiveCodesOnly: the reference refuses it in training",
    ],
  ])("to PyTorch is dropped, if only training reads it: %j", (options, message) => {
    const [quantizer, variables] = plain(options);
    const { kwargs, tensors, dropped } = toTorch(quantizer, variables);
    expect(dropped).toEqual([expect.stringContaining(message)]);
    tree.dispose(fromTorch(className, kwargs, tensors).variables as never);
    expectDisposed(variables);
  });

  it("to PyTorch: statistics that wait are dropped, and unknown types refused", () => {
    const [quantizer, variables] = plain();
    const { state, ...rest } = quantizer.apply(variables, np.ones([3, 4]), {
      training: true,
      accumEmaUpdate: true,
    } as never);
    tree.dispose(rest as never);
    const { dropped, tensors } = toTorch(quantizer, { params: {}, state } as never);
    expect(dropped).toEqual(["state.pending: statistics that wait for the end of an accumulation"]);
    expect(Object.keys(tensors)).toContain("_codebook.cluster_size");
    tree.dispose(tensors);
    const unknown = { ...quantizer, config: { type: "nothing" } };
    expect(() => toTorch(unknown, { params: {}, state: {} })).toThrow(
      "type of the quantizer: expected one of vectorQuantize",
    );
  });
});

const python = process.env.VQ_PYTHON;

describe.skipIf(!python)("PyTorch itself (VQ_PYTHON names a Python that has it)", () => {
  const script = fileURLToPath(new URL("../../parity/torch_check.py", import.meta.url));

  it("loads what toTorch writes, does the same with it, and gives back what fromTorch loads", async () => {
    const folder = mkdtempSync(join(tmpdir(), "torch-"));
    try {
      for (const [name, options] of Object.entries(optionSets)) {
        const { quantizer, variables } = trained(options);
        const { kwargs, tensors } = toTorch(quantizer, variables);
        const state = Object.entries(tensors).map(([key, array]) => [`state/${key}`, array]);
        const bytes = await saveSafetensors({ ...Object.fromEntries(state), x: input(options) });
        writeFileSync(join(folder, `${name}.safetensors`), bytes);
        writeFileSync(join(folder, `${name}.json`), JSON.stringify({ class: className, kwargs }));
      }
      const { status, stderr } = spawnSync(python as string, [script, folder], {
        encoding: "utf8",
      });
      expect(status, stderr).toBe(0);
      for (const [name, options] of Object.entries(optionSets))
        await compare(folder, name, options);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }, 120_000);

  async function compare(folder: string, name: string, options: Partial<VectorQuantizeOptions>) {
    const { tensors } = readSafetensors(readFileSync(join(folder, `${name}.theirs.safetensors`)));
    const theirs = await toHost(tree.ref(tensors));
    const { quantizer, variables } = trained(options);
    const { kwargs } = toTorch(quantizer, tree.ref(variables) as never);
    // Their evaluation moves affine statistics before it uses them.
    for (const mode of options.affineParam ? ["train"] : ["eval", "train"]) {
      const { quantized, indices, loss, ...rest } = quantizer.apply(
        tree.ref(variables),
        input(options),
        { training: mode === "train", key: random.key(3) },
      );
      tree.dispose(rest as never);
      const ours = await toHost({ quantized, indices, loss });
      // Diversity is meant over all vectors, and so is not theirs.
      const compared = options.codebookDiversityLossWeight
        ? ["quantized", "indices"]
        : Object.keys(ours);
      for (const part of compared) {
        expectSame(
          `${name}: ${mode}/${part}`,
          tensor(ours, part),
          tensor(theirs, `${mode}/${part}`),
        );
      }
    }
    const prefix = "state/";
    const after = Object.fromEntries(
      Object.entries(tensors)
        .filter(([key]) => key.startsWith(prefix))
        .map(([key, array]) => [key.slice(prefix.length), array.ref]),
    );
    const loaded = fromTorch(className, kwargs, after);
    const { state, ...rest } = quantizer.apply(tree.ref(variables), input(options), {
      training: true,
      key: random.key(3),
    });
    tree.dispose([rest, tensors, variables.state] as never);
    const moved = { params: variables.params, state } as never;
    const [ours, given] = await Promise.all(
      [moved, loaded.variables].map((own) => toHost(toTorch(quantizer, own).tensors)),
    );
    for (const key of Object.keys(given as Tensors)) {
      expectSame(`${name}: ${key}`, tensor(ours as Tensors, key), tensor(given as Tensors, key));
    }
  }
});

describe("what is no module and no quantizer", () => {
  const quantizer = vectorQuantize({ dim: 2, codebookSize: 4 });
  const variables = (dim = 2) => vectorQuantize({ dim, codebookSize: 4 }).init(random.key(0));
  const kwargs = { dim: 2, codebook_size: 4 };
  const tensors = () => toTorch(quantizer, variables() as never).tensors;

  test.each<[string, () => unknown, string]>([
    ["no kwargs", () => fromTorch(className, undefined as never, tensors()), "kwargs: expected an"],
    ["no tensors", () => fromTorch(className, kwargs, undefined as never), "arrays by name"],
    [
      "a list",
      () => fromTorch(className, kwargs, { "_codebook.embed": [1] as never }),
      "fromTorch: tensor _codebook.embed: expected a jax-js array, got [1]",
    ],
    [
      "integers",
      () => {
        const embed = np.zeros([1, 4, 2], { dtype: np.int32 });
        return fromTorch(className, kwargs, { ...tensors(), "_codebook.embed": embed });
      },
      "fromTorch: variables.state.codebook: expected float32 [4, 2], got int32 [4, 2]",
    ],
    ["no quantizer", () => toTorch({} as never, variables() as never), "expected a quantizer"],
    ["no variables", () => toTorch(quantizer, undefined as never), "toTorch: variables: expected"],
    [
      "another's variables",
      () => toTorch(quantizer, variables(3) as never),
      "expected float32 [4, 2], got float32 [4, 3]. Are these the variables of another quantizer?",
    ],
  ])("%s is refused in words", (_, run, message) => {
    expect(run).toThrow(message);
  });

  test("gives up what it was given", () => {
    const [own, given] = [variables(3), { more: np.zeros([1]), "_codebook.embed": np.zeros([1]) }];
    expect(() => toTorch(quantizer, own as never)).toThrow();
    expect(() => fromTorch(className, kwargs, given)).toThrow();
    expectDisposed([own, given]);
  });
});
