/** What `fromTorch` and its like tell by types, and by names. */
import { numpy as np, random, tree, valueAndGrad } from "@jax-js/jax";
import { describe, expect, expectTypeOf, it } from "vitest";
import { expectDisposed, leakedBytes } from "../../../../test/leak.ts";
import { readSafetensors } from "../checkpoint/safetensors.ts";
import { linear } from "../nn/linear.ts";
import { sequential } from "../nn/sequential.ts";
import type { Quantizer, Variables } from "../quantizers/contract.ts";
import { residualVQ } from "../quantizers/residualVQ.ts";
import { simVQ } from "../quantizers/simVQ.ts";
import type { VectorQuantizeVariables } from "../quantizers/vectorQuantize/books.ts";
import type { CodebookBridge } from "../quantizers/vectorQuantize/bridge.ts";
import { type VectorQuantizer, vectorQuantize } from "../quantizers/vectorQuantize.ts";
import { adam } from "../train/optimizers.ts";
import type { ArrayTree } from "../tree.ts";
import { fromTorch, toTorch } from "./fromTorch.ts";
import { networkFromTorch, networkToTorch } from "./network.ts";
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

describe("a slip of the fingers", () => {
  it.each([
    ["ResidualVQ", { dim: 4, codebook_size: 8, num_quantizer: 4 }, "Did you mean num_quantizers?"],
    ["GroupedResidualVQ", { dim: 4, codebook_size: 8, group: 2 }, "Did you mean groups?"],
    ["GroupedResidualFSQ", { levels: [4], num_quantizer: 4 }, "Did you mean num_quantizers?"],
    ["ResidualVq", { dim: 4, codebook_size: 8 }, "Did you mean ResidualVQ?"],
  ])("in %s is told by the class's own names", (className, given, mend) => {
    const tensors = layered();
    const error = expect(() => fromTorch(className, given, tensors));
    error.toThrow(mend);
    for (const tensor of Object.values(tensors)) expect(tensor.refCount).toBe(0);
  });
});

describe("a function of the user's own that throws", () => {
  it("leaves nothing, of one quantizer and of a network", async () => {
    const breaks = (value: ArrayTree): never => {
      tree.dispose(value as never);
      throw new Error("mine");
    };
    const vqBridge: CodebookBridge = {
      name: "broken",
      init: (key, C) => ({ weight: random.normal(key, [C, C]) }),
      apply: (params, codes) => np.matmul(codes, (params as { weight: np.Array }).weight),
      fromTorch: breaks,
      toTorch: (params) => params as Record<string, np.Array>,
    };
    const quantizer = vectorQuantize({ dim: 4, codebookSize: 512, vqBridge });
    const network = sequential([linear({ inFeatures: 4, outFeatures: 4 }), quantizer]);
    const given = { dim: 4, codebook_size: 512, vq_bridge: vqBridge };
    const run = async () => {
      const { tensors } = toTorch(quantizer, quantizer.init(random.key(0)));
      const ofNetwork = networkToTorch(network, network.init(random.key(0)));
      expect(() => fromTorch("VectorQuantize", given, tensors)).toThrow("mine");
      expect(() => networkFromTorch(network, ofNetwork)).toThrow("mine");
    };
    expect(await leakedBytes(run)).toBe(0);
  });
});

describe("a file of half or double precision", () => {
  it.each(["F16", "BF16", "F64"] as const)(
    "has the codes of its numbers in float32: %s",
    async (dtype) => {
      const quantizer = residualVQ({ dim: 4, codebookSize: 64, numQuantizers: 4 });
      const { tensors } = toTorch(quantizer, quantizer.init(random.key(5)));
      const given = { dim: 4, codebook_size: 64, num_quantizers: 4 };
      const rounded: Record<string, np.Array> = {};
      const header: Record<string, unknown> = {};
      const parts: Uint8Array[] = [];
      let at = 0;
      for (const [name, array] of Object.entries(tensors)) {
        const shape = [...array.shape];
        const bits = new Uint32Array(Float32Array.from(await array.data()).buffer);
        // 7 bits behind the point and an exponent that all three have: exact in each.
        const values = new Float32Array(bits.map((bit) => bit & 0xffff0000).buffer);
        for (const [i, value] of values.entries()) if (Math.abs(value) < 2 ** -14) values[i] = 0;
        rounded[name] = np.array(values.slice(), { shape });
        const bytes = inDtype[dtype](values);
        header[name] = { dtype, shape, data_offsets: [at, at + bytes.length] };
        parts.push(bytes);
        at += bytes.length;
      }
      const text = new TextEncoder().encode(JSON.stringify(header));
      const file = new Uint8Array(8 + text.length + at);
      new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true);
      file.set(text, 8);
      let end = 8 + text.length;
      for (const part of parts) {
        file.set(part, end);
        end += part.length;
      }
      const x = random.normal(random.key(6), [1, 2000, 4]);
      const codes: unknown[] = [];
      for (const own of [rounded, readSafetensors(file).tensors]) {
        const loaded = fromTorch("ResidualVQ", given, own);
        codes.push(await (await loaded.quantizer.encode(loaded.variables, x.ref)).data());
      }
      x.dispose();
      expect(codes[1]).toEqual(codes[0]);
    },
  );
});

/** Numbers of at most 8 significant bits, as a file has them. */
const inDtype = {
  F64: (values: Float32Array) => new Uint8Array(Float64Array.from(values).buffer),
  BF16(values: Float32Array) {
    const bits = new Uint32Array(values.buffer);
    return new Uint8Array(Uint16Array.from(bits, (bit) => bit >>> 16).buffer);
  },
  F16(values: Float32Array) {
    const bits = new Uint32Array(values.buffer);
    const half = (bit: number) =>
      (bit & 0x7fffffff) === 0
        ? 0
        : ((bit >>> 16) & 0x8000) | ((((bit >>> 23) & 255) - 112) << 10) | ((bit >>> 13) & 1023);
    return new Uint8Array(Uint16Array.from(bits, half).buffer);
  },
} as const;
