/** What `fromTorch` and its like tell by types, and by names. */
import { numpy as np, random, tree, valueAndGrad } from "@jax-js/jax";
import { describe, expect, expectTypeOf, it } from "vitest";
import { expectDisposed } from "../../../../test/leak.ts";
import type { Quantizer, Variables } from "../quantizers/contract.ts";
import { residualVQ } from "../quantizers/residualVQ.ts";
import { simVQ } from "../quantizers/simVQ.ts";
import type { VectorQuantizeVariables } from "../quantizers/vectorQuantize/books.ts";
import type { CodebookBridge } from "../quantizers/vectorQuantize/bridge.ts";
import { type VectorQuantizer, vectorQuantize } from "../quantizers/vectorQuantize.ts";
import { adam } from "../train/optimizers.ts";
import { fromTorch, toTorch } from "./fromTorch.ts";
import { toTorchNames } from "./toTorchNames.ts";
import type { VariablesOf } from "./translation.ts";
import type { TorchClasses } from "./translations.ts";

const kwargs = { dim: 4, codebook_size: 8, codebook_dim: 3 };
const learnable = { dim: 4, codebookSize: 8, codebookDim: 3, learnableCodebook: true };
const written = () => {
  const quantizer = vectorQuantize({ dim: 4, codebookSize: 8, codebookDim: 3 });
  return toTorch(quantizer, quantizer.init(random.key(0))).tensors;
};
const layered = (numQuantizers = 4) => {
  const quantizer = residualVQ({ dim: 4, codebookSize: 8, numQuantizers });
  return toTorch(quantizer, quantizer.init(random.key(0))).tensors;
};
const under = (prefix: string, tensors: Record<string, np.Array>) =>
  Object.fromEntries(Object.entries(tensors).map(([name, own]) => [`${prefix}.${name}`, own]));

describe("types", () => {
  it("are those of the class, for gradients too", async () => {
    const { quantizer, variables } = fromTorch("VectorQuantize", kwargs, written());
    expectTypeOf(quantizer).toEqualTypeOf<VectorQuantizer>();
    expectTypeOf(variables).toEqualTypeOf<VectorQuantizeVariables>();
    const codes = quantizer.codebook(tree.ref(variables));
    expect(codes.shape).toEqual([8, 3]);
    const { params, state } = variables;
    const error = (p: typeof params, input: np.Array) => {
      const call = { params: p, state: tree.ref(state) };
      const { quantized, ...rest } = quantizer.apply(call, input, { training: true });
      tree.dispose(rest);
      return np.mean(np.square(quantized));
    };
    const [value, gradients] = valueAndGrad(error)(params, np.ones([2, 4]));
    const named = toTorchNames(quantizer, gradients);
    expectTypeOf(named).toEqualTypeOf<Record<string, np.Array>>();
    expect(Object.keys(named).sort()).toEqual([
      "project_in.bias",
      "project_in.weight",
      "project_out.bias",
      "project_out.weight",
    ]);
    expect(named["project_in.weight"]?.shape).toEqual([3, 4]);
    tree.dispose([value, named, codes, state]);
  });

  it("of every class have gradients that compile", () => {
    type Params<Name extends keyof TorchClasses> =
      VariablesOf<TorchClasses[Name]> extends { params: infer Own } ? Own : never;
    const zero = () => np.zeros([]);
    const all = [
      (p: Params<"VectorQuantize">) => valueAndGrad((_: Params<"VectorQuantize">) => zero())(p),
      (p: Params<"ResidualVQ">) => valueAndGrad((_: Params<"ResidualVQ">) => zero())(p),
      (p: Params<"GroupedResidualVQ">) =>
        valueAndGrad((_: Params<"GroupedResidualVQ">) => zero())(p),
      (p: Params<"SimVQ">) => valueAndGrad((_: Params<"SimVQ">) => zero())(p),
      (p: Params<"ResidualSimVQ">) => valueAndGrad((_: Params<"ResidualSimVQ">) => zero())(p),
      (p: Params<"ResidualFSQ">) => valueAndGrad((_: Params<"ResidualFSQ">) => zero())(p),
      (p: Params<"ResidualLFQ">) => valueAndGrad((_: Params<"ResidualLFQ">) => zero())(p),
      (p: Params<"HierarchicalVQ">) => valueAndGrad((_: Params<"HierarchicalVQ">) => zero())(p),
      (p: Params<"FSQ">) => valueAndGrad((_: Params<"FSQ">) => zero())(p),
      (p: Params<"LFQ">) => valueAndGrad((_: Params<"LFQ">) => zero())(p),
      (p: Params<"FSP">) => valueAndGrad((_: Params<"FSP">) => zero())(p),
      (p: Params<"LatentQuantize">) => valueAndGrad((_: Params<"LatentQuantize">) => zero())(p),
    ];
    expect(all.every((gradient) => typeof gradient === "function")).toBe(true);
  });

  it("are the contract's for a name that is a text", () => {
    const name: string = "VectorQuantize";
    const loaded = fromTorch(name, kwargs, written());
    expectTypeOf(loaded.quantizer).toEqualTypeOf<Quantizer>();
    expectTypeOf(loaded.variables).toEqualTypeOf<Variables>();
    tree.dispose(loaded.variables as never);
  });
});

describe("prefix", () => {
  it("takes what stands there in a network, and gives up the rest", () => {
    const others = { "0.weight": np.zeros([3]), "10.layers.0.weight": np.zeros([2]) };
    const file = { ...under("1.layers.0", written()), ...others };
    const { quantizer, variables } = fromTorch("VectorQuantize", kwargs, file, {
      prefix: "1.layers.0",
    });
    expect(quantizer.config.codebookSize).toBe(8);
    expectDisposed(others);
    tree.dispose(variables as never);
  });

  it("is asked for where the module stands deeper in the file", () => {
    const file = under("quantizer.vq", written());
    expect(() => fromTorch("VectorQuantize", kwargs, file)).toThrow('. prefix: "quantizer.vq"?');
    expectDisposed(file);
  });

  it("that nothing starts with is an error with names that are there", () => {
    const file = under("encoder", written());
    expect(() => fromTorch("VectorQuantize", kwargs, file, { prefix: "decoder" })).toThrow(
      'prefix: expected the start of some names, got "decoder", with tensors encoder.',
    );
    expectDisposed(file);
  });
});

describe("layout", () => {
  it("is given at the call", () => {
    const { quantizer, variables } = fromTorch("VectorQuantize", kwargs, written(), {
      layout: "image",
    });
    const { quantized, ...rest } = quantizer.apply(variables, np.ones([2, 4, 3, 5]));
    expect(quantized.shape).toEqual([2, 4, 3, 5]);
    tree.dispose([quantized, rest.indices, rest.loss]);
  });

  it.each([
    ["BinaryMapper", {}, { layout: "image" }, "layout: expected none, since this class has one"],
    ["FSQ", { levels: [5, 5] }, { layout: "sideways" }, "layout: expected one of"],
    ["FSQ", { levels: [5, 5] }, { lay: "image" }, 'option "lay"'],
    ["FSQ", { levels: [5, 5] }, { prefix: 1 }, "prefix: expected a text"],
  ])("of %s %j %j is refused in words", (className, given, options, message) => {
    expect(() => fromTorch(className, given, {}, options as never)).toThrow(message);
  });
});

describe("an error asks for the option that the file has", () => {
  const residual = { dim: 4, codebook_size: 8, num_quantizers: 2 };
  const extended = (more: Record<string, np.Array>) => ({ ...written(), ...more });
  it.each<[string, Record<string, unknown>, () => Record<string, np.Array>, string]>([
    ["ResidualVQ", residual, () => layered(4), ". num_quantizers: 4?"],
    ["ResidualVQ", { ...residual, num_quantizers: 6 }, () => layered(4), ". num_quantizers: 4?"],
    ["VectorQuantize", { ...kwargs, codebook_size: 9 }, written, ". codebook_size: 8?"],
    ["VectorQuantize", { ...kwargs, dim: 5 }, written, ". dim: 4?"],
    ["VectorQuantize", { dim: 4, codebook_size: 8 }, written, ". projection_has_bias, or dim and"],
    [
      "VectorQuantize",
      kwargs,
      () => extended({ "_codebook.vq_bridge.weight": np.zeros([3, 3]) }),
      ". vq_bridge: an object of yours?",
    ],
    ["VectorQuantize", { ...kwargs, affine_param: true }, written, ". Without affine_param: true?"],
  ])("%s %j", (className, given, tensors, message) => {
    const own = tensors();
    expect(() => fromTorch(className, given, own)).toThrow(message);
    expectDisposed(own);
  });
});

type Weight = { weight: np.Array };
/** Two maps with something between, as `nn.Sequential` numbers them. */
const bridge: CodebookBridge = {
  name: "two maps",
  init: (key, C) => ({ 0: { weight: random.normal(key, [C, C]) }, 2: { weight: np.ones([C, C]) } }),
  apply(params, codes) {
    const { 0: first, 2: last } = params as { 0: Weight; 2: Weight };
    const inner = np.tanh(np.matmul(codes, first.weight.transpose()));
    return np.matmul(inner, last.weight.transpose());
  },
};

describe("objects of the user's own", () => {
  it("have their arrays by the places of these, as they are", async () => {
    const quantizer = vectorQuantize({ ...learnable, vqBridge: bridge });
    const there = toTorch(quantizer, quantizer.init(random.key(0)));
    expect(there.kwargs.vq_bridge).toBe(bridge);
    expect(Object.keys(there.tensors)).toContain("_codebook.vq_bridge.2.weight");
    const back = fromTorch("VectorQuantize", there.kwargs, there.tensors);
    expect(back.quantizer.config).toEqual(quantizer.config);
    tree.dispose(back.variables as never);
  });

  it("keep what an in-place optimizer moved, and tell what has no place there", async () => {
    const quantizer = vectorQuantize({
      ...learnable,
      vqBridge: bridge,
      inPlaceCodebookOptimizer: { name: "adam", optimizer: adam(0.1) },
      manualInPlaceOptimizerUpdate: true,
    });
    const { params, state: fresh } = quantizer.init(random.key(0));
    const call = { params: tree.ref(params), state: fresh };
    const { state, ...rest } = quantizer.apply(call, np.ones([5, 4]), { training: true });
    tree.dispose(rest as never);
    const moved = {
      params,
      state: quantizer.stepCodebookOptimizer({ params: tree.ref(params), state }),
    };
    const wanted = quantizer.decode(tree.ref(moved), np.array([1, 2], { dtype: np.int32 }));
    const { kwargs: own, tensors, dropped } = toTorch(quantizer, moved);
    expect(dropped).toEqual([
      "state.optimizer: the state of the in-place optimizer",
      "state.codebookGradient: the gradient that waits for the in-place optimizer",
    ]);
    const back = fromTorch("VectorQuantize", own, tensors);
    const found = back.quantizer.decode(back.variables, np.array([1, 2], { dtype: np.int32 }));
    const [a, b] = await Promise.all([wanted.data(), found.data()]);
    for (const [at, value] of a.entries()) expect(b[at]).toBeCloseTo(value as number, 5);
  });

  it("in layers are each layer's own, which is told", () => {
    const quantizer = residualVQ({
      dim: 4,
      codebookSize: 8,
      numQuantizers: 2,
      learnableCodebook: true,
      vqBridge: bridge,
    });
    const { dropped, tensors } = toTorch(quantizer, quantizer.init(random.key(0)));
    expect(dropped).toEqual([expect.stringContaining("layers of the reference share one module")]);
    expect(Object.keys(tensors)).toContain("layers.1._codebook.vq_bridge.0.weight");
    tree.dispose(tensors);
  });

  it("of both functions or none, in words", () => {
    const half = { ...bridge, toTorch: () => ({}) };
    const given = { ...kwargs, vq_bridge: half };
    expect(() => fromTorch("VectorQuantize", given, written())).toThrow(
      'vqBridge of yours: expected fromTorch and toTorch, or neither, got "toTorch alone"',
    );
  });
});

describe("toTorchNames", () => {
  it("names the state of an optimizer too, and the parameters of a shared codebook once", () => {
    const quantizer = residualVQ({
      dim: 4,
      codebookSize: 8,
      numQuantizers: 2,
      sharedCodebook: true,
      learnableCodebook: true,
    });
    const { params, state } = quantizer.init(random.key(0));
    tree.dispose(state as never);
    const named = toTorchNames(quantizer, adam(0.1).init(params)) as never;
    const [{ mean, meanWeight }] = named as [
      { mean: Record<string, np.Array>; meanWeight: np.Array },
    ];
    expect(Object.keys(mean)).toEqual(["layers.0._codebook.embed"]);
    expect(meanWeight.shape).toEqual([]);
    tree.dispose(named);
  });

  it("refuses another tree, and gives it up", () => {
    const quantizer = simVQ({ dim: 4, codebookSize: 8 });
    const other = { weight: np.zeros([2]) };
    expect(() => toTorchNames(quantizer, other)).toThrow(
      "toTorchNames: values: expected a tree of transform.weight [4, 4], got",
    );
    expectDisposed(other);
    expect(() => toTorchNames({} as never, {})).toThrow("expected a quantizer");
  });
});
