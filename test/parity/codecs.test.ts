/** Quantizers of known codecs with recorded weights: codes and decoded latents. */
import { readFileSync } from "node:fs";
import { numpy as np, tree } from "@jax-js/jax";
import { createCodec, type Quantizer, type Variables } from "vector-quantize";
import { fromPretrained } from "vector-quantize/torch";
import { describe, expect, it, test } from "vitest";
import type { HostTensor } from "../../packages/vector-quantize/src/checkpoint/dtypes.ts";
import { toDevice, toHost } from "../../packages/vector-quantize/src/checkpoint/safetensors.ts";
import { decodeSafetensors } from "../../packages/vector-quantize/src/checkpoint/safetensorsFormat.ts";
import { expectDisposed } from "../leak.ts";
import type { Tensors } from "./cases.ts";

const file = readFileSync(new URL("../../parity/codecs/cases.safetensors", import.meta.url));
const { tensors: recorded, metadata } = decodeSafetensors(file, "cases.safetensors");
type Config = Record<string, unknown>;
const configs = JSON.parse(metadata.configs as string) as Record<Name, Config>;
const names = ["dac", "encodec", "mimi", "snac"] as const;
type Name = (typeof names)[number];

const stateOf = (name: Name): Tensors =>
  Object.fromEntries(
    Object.entries(recorded)
      .filter(([key]) => key.startsWith(`${name}/state/`))
      .map(([key, tensor]) => [key.slice(name.length + 7), tensor]),
  );
const arrays = (tensors: Tensors) =>
  Object.fromEntries(Object.entries(tensors).map(([key, tensor]) => [key, toDevice(tensor)]));
const load = (name: Name) =>
  fromPretrained(name, arrays(stateOf(name)), configs[name]) as unknown as {
    quantizer: Quantizer;
    variables: Variables;
  };
const of = (name: Name, key: string) => recorded[`${name}/${key}`] as HostTensor;
/** A recorded `[B, D, T]` as `[B, T, D]`. */
const series = (name: Name, key: string) => np.moveaxis(toDevice(of(name, key)), 1, -1);

async function expectClose(ours: np.Array, theirs: np.Array): Promise<void> {
  expect(ours.shape).toEqual(theirs.shape);
  const furthest = np.max(np.absolute(ours.sub(theirs)));
  expect((await furthest.data())[0]).toBeLessThan(1e-5);
}

describe.each(names)("%s", (name) => {
  it("finds the codes, and decodes them to the sums", async () => {
    const { quantizer, variables } = load(name);
    const own = () => tree.ref(variables as never) as Variables;
    const codes = of(name, "codes");
    const found = await quantizer.encode(own(), series(name, "x"));
    expect(found.shape).toEqual(codes.shape);
    expect(await found.ref.data()).toEqual(codes.data);
    await expectClose(quantizer.decode(own(), found), series(name, "decoded"));
    const out = quantizer.apply(own(), series(name, "x"));
    expect(await out.indices.data()).toEqual(codes.data);
    await expectClose(out.quantized, series(name, "decoded"));
    tree.dispose([out.loss, out.losses, out.state, variables] as never);
  });

  it("makes a codec that a worker can have", async () => {
    const { quantizer, variables } = load(name);
    const codec = createCodec(quantizer, variables);
    const { x } = await toHost({ x: series(name, "x") });
    const codes = await codec.encode(x!.data as Float32Array, { shape: x!.shape });
    expect([...codes]).toEqual([...of(name, "codes").data]);
    expect((await codec.toBytes()).length).toBeGreaterThan(1000);
    codec.dispose();
  });

  it("gives the reader's arrays up, and has variables as init makes them", () => {
    const given = arrays(stateOf(name));
    const { quantizer, variables } = fromPretrained(name, given, configs[name]);
    tree.dispose(variables as never);
    expectDisposed([given, variables]);
    expect(quantizer.dim).toBe(of(name, "x").shape[1]);
  });
});

describe.each(["dac", "encodec", "mimi"] as const)("%s", (name) => {
  it("decodes its first layers alone, and needs no configuration", async () => {
    const { quantizer, variables } = fromPretrained(name, arrays(stateOf(name)));
    const columns = name === "mimi" ? 1 : 2;
    const codes = toDevice(of(name, "codes")).slice([], [], [0, columns]);
    const decode = quantizer.decode as unknown as Quantizer["decode"];
    await expectClose(decode(variables as never, codes), series(name, "coarse"));
  });
});

describe("a file that does not fit", () => {
  const without = (name: Name, key: string): Tensors =>
    Object.fromEntries(Object.entries(stateOf(name)).filter(([other]) => other !== key));
  const layer = "quantizer.quantizers.1";
  const other: HostTensor = { dtype: "float32", shape: [3], data: new Float32Array(3) };
  const whole: HostTensor = { dtype: "int32", shape: [4], data: new Int32Array(4) };

  test.each<[string, Name, Tensors, Config | undefined, string]>([
    [
      "a tensor that is missing",
      ...(["dac", without("dac", `${layer}.out_proj.weight`), undefined] as const),
      `fromPretrained dac: expected a tensor ${layer}.out_proj.weight, got none`,
    ],
    [
      "one that is left over",
      ...(["dac", { ...stateOf("dac"), "quantizer.scale": other }, undefined] as const),
      "expected no other tensors of the quantizer, got quantizer.scale",
    ],
    [
      "one of another shape",
      ...(["dac", { ...stateOf("dac"), [`${layer}.in_proj.bias`]: other }, undefined] as const),
      `shape of ${layer}.in_proj.bias: expected [4], got [3]`,
    ],
    [
      "one of integers",
      ...(["dac", { ...stateOf("dac"), [`${layer}.in_proj.bias`]: whole }, undefined] as const),
      `dtype of ${layer}.in_proj.bias: expected float32`,
    ],
    [
      "no quantizer at all",
      ...(["encodec", { "encoder.weight": other }, undefined] as const),
      "fromPretrained encodec: expected a tensor quantizer.layers.0, got none",
    ],
    [
      "a file of another codec",
      ...(["mimi", stateOf("dac"), undefined] as const),
      "expected a tensor quantizer.semantic_residual_vector_quantizer.layers.0, got none",
    ],
    [
      "another number of layers",
      ...(["dac", stateOf("dac"), { n_codebooks: 9 }] as const),
      "fromPretrained dac: config.n_codebooks: expected 4, as in the tensors, got 9",
    ],
    [
      "another size of codebooks",
      ...(["mimi", stateOf("mimi"), { codebook_size: 2048 }] as const),
      "config.codebook_size: expected 32, as in the tensors, got 2048",
    ],
    [
      "no strides",
      ...(["snac", stateOf("snac"), undefined] as const),
      "fromPretrained snac: config.vq_strides: expected a stride for each of 3 layers, got undefined",
    ],
    [
      "strides of another model",
      ...(["snac", stateOf("snac"), { vq_strides: [8, 4, 2, 1] }] as const),
      "expected a stride for each of 3 layers, got [8, 4, 2, 1]",
    ],
  ])("%s", (_, name, tensors, config, message) => {
    const given = arrays(tensors);
    expect(() => fromPretrained(name, given, config)).toThrow(message);
    expectDisposed(given);
  });

  test("another codec, and what are no arrays", () => {
    const given = arrays(stateOf("dac"));
    expect(() => fromPretrained("opus" as never, given)).toThrow(
      'fromPretrained: name: expected one of "dac", "encodec", "mimi", "snac", got "opus"',
    );
    expectDisposed(given);
    expect(() => fromPretrained("dac", null as never)).toThrow("tensors: expected arrays by name");
    expect(() => fromPretrained("dac", { a: 1 } as never)).toThrow("tensor a: expected a jax-js");
    expect(() => fromPretrained("dac", {}, "x" as never)).toThrow("the object of config.json");
  });
});
