/** Whole PyTorch networks with recorded weights as ours: outputs, indices, and back. */
import { readFileSync } from "node:fs";
import { nn, numpy as np, random, tree } from "@jax-js/jax";
import {
  fsp,
  fsq,
  hierarchicalVQ,
  lfq,
  type Quantizer,
  simVQ,
  vectorQuantize,
} from "vector-quantize";
import {
  batchNorm,
  conv1d,
  conv2d,
  convTranspose1d,
  convTranspose2d,
  elu,
  gelu,
  groupNorm,
  type Layer,
  layerNorm,
  leakyRelu,
  linear,
  type Model,
  maxPool,
  permute,
  residual,
  sequential,
  silu,
  snake,
  upsample,
} from "vector-quantize/nn";
import { networkFromTorch, networkToTorch } from "vector-quantize/torch";
import { describe, expect, it, test } from "vitest";
import { toDevice, toHost } from "../../packages/vector-quantize/src/checkpoint/safetensors.ts";
import { decodeSafetensors } from "../../packages/vector-quantize/src/checkpoint/safetensorsFormat.ts";
import { expectDisposed } from "../leak.ts";
import type { Tensors } from "./cases.ts";

const file = readFileSync(new URL("../../parity/networks/cases.safetensors", import.meta.url));
const { tensors: recorded } = decodeSafetensors(file, "cases.safetensors");

/** What was recorded of a network, by the rest of the names. */
const below = (prefix: string): Tensors =>
  Object.fromEntries(
    Object.entries(recorded)
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, tensor]) => [name.slice(prefix.length), tensor]),
  );
const arrays = (tensors: Tensors) =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, toDevice(tensor)]));

const conv = (inChannels: number, outChannels: number, kernelSize = 3) =>
  conv2d({ inChannels, outChannels, kernelSize });
const encoder = [conv(1, 16), maxPool(), gelu(), conv(16, 32), maxPool()];
const decoder = [upsample(), conv(32, 16), gelu(), upsample(), conv(16, 1)];
const vq = { dim: 32, codebookSize: 32 };

/** An example of the reference, around its quantizer. */
const example = (...parts: (Layer | Quantizer)[]) => sequential([...encoder, ...parts, ...decoder]);

interface Row {
  readonly model: Model;
  /** Names of the file as `networkFromTorch` takes them, and back. */
  readonly rename?: (name: string) => string | undefined;
  readonly back?: (name: string) => string | undefined;
}

/** Part numbers of the file as ours, where ours has more. */
const renumbered = (to: (part: number) => number) => (name: string) =>
  name.replace(/^fns\.(\d+)/, (_, part) => `fns.${to(Number(part))}`);

/** PyTorch's `Linear`, with its names and layout, as an object of the user's own. */
type TorchLinear = { weight: np.Array; bias: np.Array };
const torchLinear = (inputs: number, outputs: number): TorchLinear => ({
  weight: np.zeros([outputs, inputs]),
  bias: np.zeros([outputs]),
});
const throughLinear = ({ weight, bias }: TorchLinear, codes: np.Array) =>
  np.matmul(codes, weight.transpose()).add(bias);
const vqBridge = {
  name: "Linear",
  init: (key: np.Array, dim: number) => {
    key.dispose();
    return torchLinear(dim, dim);
  },
  apply: (params: unknown, codes: np.Array) => throughLinear(params as TorchLinear, codes),
};
type Mlp = { 0: TorchLinear; 2: TorchLinear };
const codebookTransform = {
  name: "MLP",
  init: (key: np.Array, inputs: number, outputs: number) => {
    key.dispose();
    return { 0: torchLinear(inputs, 48), 2: torchLinear(48, outputs) };
  },
  apply: (params: unknown, codes: np.Array) => {
    const { 0: first, 2: second } = params as Mlp;
    return throughLinear(second, nn.relu(throughLinear(first, codes)));
  },
};

const rows: Record<string, Row> = {
  fvq: {
    model: example(
      vectorQuantize({ ...vq, vqBridge, learnableCodebook: true, gradient: "straightThrough" }),
    ),
  },
  simVQ: { model: example(simVQ({ ...vq, codebookTransform })) },
  vq: { model: example(vectorQuantize(vq)) },
  fsp: { model: example(conv(32, 3, 1), fsp({ levels: [8, 6, 5] }), conv(3, 32)) },
  fsq: { model: example(conv(32, 3, 1), fsq({ levels: [8, 6, 5] }), conv(3, 32)) },
  hq: {
    model: example(
      permute({ axes: [0, 3, 1, 2] }),
      hierarchicalVQ({ ...vq, scales: [1, 2, 4] }) as Quantizer,
      permute({ axes: [0, 2, 3, 1] }),
    ),
    rename: renumbered((part) => part + (part < 5 ? 0 : part === 5 ? 1 : 2)),
    back: renumbered((part) => part - (part < 5 ? 0 : part === 6 ? 1 : 2)),
  },
  lfq: {
    model: example(
      groupNorm({ groups: 4, channels: 32 }),
      conv(32, 8, 1),
      lfq({ codebookSize: 256, spherical: true }),
      conv(8, 32),
    ),
    back: (name) => (name.startsWith("fns.5.") ? undefined : name),
  },
  sound: {
    model: sequential([
      conv1d({ inChannels: 2, outChannels: 8, kernelSize: 4, stride: 2, padding: [1, 1] }),
      snake({ channels: 8 }),
      batchNorm({ channels: 8 }),
      residual([conv1d({ inChannels: 8, outChannels: 8, groups: 2 }), elu()]),
      linear({ inFeatures: 8, outFeatures: 6 }),
      vectorQuantize({ dim: 6, codebookSize: 16 }),
      layerNorm({ features: 6 }),
      convTranspose1d({ inChannels: 6, outChannels: 4, kernelSize: 4, stride: 2, padding: 1 }),
      groupNorm({ groups: 2, channels: 4 }),
      conv1d({ inChannels: 4, outChannels: 2, kernelSize: 1, bias: false }),
    ]),
  },
  images: {
    model: sequential([
      conv2d({ inChannels: 3, outChannels: 8, kernelSize: [3, 2], stride: 2, padding: [1, 0] }),
      batchNorm({ channels: 8 }),
      leakyRelu({ slope: 0.2 }),
      vectorQuantize({ dim: 8, codebookSize: 16 }),
      convTranspose2d({
        ...{ inChannels: 8, outChannels: 4, kernelSize: [3, 2], stride: 2, groups: 2 },
        ...{ padding: [1, 0], outputPadding: [1, 0] },
      }),
      silu(),
      conv(4, 3, 1),
    ]),
    back: (name) => (/^fns\.1\.(weight|bias)$/.test(name) ? undefined : name),
  },
};

const moved = (x: np.Array, from: number, to: number) => np.moveaxis(x, from, to);

describe.each(Object.entries(rows))("%s", (name, { model, rename, back }) => {
  const { x, y, indices } = below(`${name}/`);
  const load = () =>
    networkFromTorch(model, arrays(below(`${name}/state/`)), rename ? { rename } : {});
  const input = () => moved(toDevice(x!), 1, -1);

  it("gives the network's output and indices", async () => {
    const variables = load();
    const { output, quantized } = model.apply(tree.ref(variables as never), input());
    const ours = await toHost({ y: moved(output, -1, 1), indices: quantized.indices });
    tree.dispose([quantized.quantized, quantized.loss, quantized.losses, quantized.state] as never);
    expect(ours.indices!.data).toEqual(indices!.data);
    expect(furthest(ours.y!.data, y!.data)).toBeLessThan(1e-5);
    const codes = await model.encode(tree.ref(variables as never), input());
    expect(await codes.data()).toEqual(indices!.data);
    tree.dispose(variables as never);
  });

  it("goes back as it came", async () => {
    const variables = load();
    const there = await toHost(networkToTorch(model, variables, back ? { rename: back } : {}));
    const { merged, plain } = expected(below(`${name}/state/`));
    expect(Object.keys(there).sort()).toEqual([...merged, ...Object.keys(plain)].sort());
    for (const [key, tensor] of Object.entries(plain)) {
      if (!key.endsWith("num_batches_tracked")) expect(there[key], key).toEqual(tensor);
    }
  });

  it("has variables as init makes them", () => {
    const variables = load();
    const fresh = model.init(random.key(0));
    const shapes = (given: unknown) => tree.map((array: np.Array) => array.shape, given as never);
    expect(shapes(variables)).toEqual(shapes(fresh));
    tree.dispose([variables, fresh] as never);
    expectDisposed(variables);
  });
});

/** What a file has when weight norm is merged. */
function expected(state: Tensors) {
  const parts = /(weight_g|weight_v|parametrizations\.weight\.original[01])$/;
  const entries = Object.entries(state);
  const normed = entries
    .filter(([key]) => parts.test(key))
    .map(([key]) => key.replace(parts, "weight"));
  return {
    merged: [...new Set(normed)],
    plain: Object.fromEntries(entries.filter(([key]) => !parts.test(key))),
  };
}

function furthest(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  return Array.from(a, (value, at) => Math.abs(value - (b[at] as number))).reduce((x, y) =>
    Math.max(x, y),
  );
}

describe("a file that does not fit", () => {
  const { model } = rows.sound as Row;
  const state = below("sound/state/");
  const without = (name: string): Tensors =>
    Object.fromEntries(Object.entries(state).filter(([key]) => key !== name));
  const other = { dtype: "float32", shape: [3], data: new Float32Array(3) } as const;
  const whole = { dtype: "int32", shape: [6], data: new Int32Array(6) } as const;

  test.each([
    ["a tensor that is missing", without("fns.4.bias"), /expected a tensor fns\.4\.bias, got none/],
    ["one that is left over", { ...state, "head.bias": other }, /got head\.bias/],
    [
      "one of another shape",
      { ...state, "fns.4.bias": other },
      /shape of fns\.4\.bias: expected \[6\], got \[3\]/,
    ],
    [
      "one of integers",
      { ...state, "fns.4.bias": whole },
      /fns\.4\.bias: expected float32, got "?int32/,
    ],
    [
      "a magnitude alone",
      without("fns.0.weight_v"),
      /expected a tensor fns\.0\.weight_v beside fns\.0\.weight_g/,
    ],
    [
      "a direction alone",
      without("fns.3.layers.0.parametrizations.weight.original0"),
      /expected a tensor fns\.3\.layers\.0\.parametrizations\.weight\.original0 beside/,
    ],
    [
      "a weight beside its magnitude and direction",
      { ...state, "fns.0.weight": other },
      /expected one way to tell fns\.0\.weight/,
    ],
    [
      "a magnitude of integers",
      { ...state, "fns.0.weight_g": whole },
      /tensor fns\.0\.weight_g: expected float32, got "?int32/,
    ],
    [
      "a magnitude of another shape",
      { ...state, "fns.0.weight_g": other },
      /shape of fns\.0\.weight_g/,
    ],
  ])("%s", (_, tensors, message) => {
    const given = arrays(tensors);
    expect(() => networkFromTorch(model, given)).toThrow(message);
    expectDisposed(given);
  });

  test.each([
    ["two names for one", { rename: () => "fns.0.bias" }, /rename: expected a name of its own/],
    ["a name that is none", { rename: () => 3 }, /rename\(fns\.\d.*\): expected a name, got 3/],
    ["an unknown option", { renames: {} }, /option "renames"/],
  ])("%s", (_, options, message) => {
    const given = arrays(state);
    expect(() => networkFromTorch(model, given, options as never)).toThrow(message);
    expectDisposed(given);
  });

  test("nothing but a model, its variables and arrays by name", () => {
    expect(() => networkFromTorch({} as never, {})).toThrow(
      "networkFromTorch: model: expected a model",
    );
    expect(() => networkFromTorch(model, null as never)).toThrow(
      "tensors: expected arrays by name",
    );
    const variables = rows.vq!.model.init(random.key(0));
    expect(() => networkToTorch(model, variables)).toThrow("networkToTorch");
    expectDisposed(variables);
    const own = { ...elu(), config: { type: "mine" }, init: (key: np.Array) => ({ weight: key }) };
    const foreign = sequential([own as never, vectorQuantize(vq)]);
    expect(() => networkFromTorch(foreign, {})).toThrow(
      'networkFromTorch: layer 0: expected a layer that PyTorch has, got "mine"',
    );
  });
});
