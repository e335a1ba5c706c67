/** Known codecs whole, with recorded weights: codes of sounds, and sounds of codes. */
import { readFileSync } from "node:fs";
import { type numpy as np, tree } from "@jax-js/jax";
import { modelFromConfig } from "vector-quantize/nn";
import { modelFromPretrained } from "vector-quantize/torch";
import { expect, test } from "vitest";
import type { HostTensor } from "../../packages/vector-quantize/src/checkpoint/dtypes.ts";
import { toDevice } from "../../packages/vector-quantize/src/checkpoint/safetensors.ts";
import { decodeSafetensors } from "../../packages/vector-quantize/src/checkpoint/safetensorsFormat.ts";
import { expectDisposed } from "../leak.ts";
import type { Tensors } from "./cases.ts";

const file = readFileSync(new URL("../../parity/codecs/cases.safetensors", import.meta.url));
const { tensors: recorded } = decodeSafetensors(file, "cases.safetensors");
const of = (key: string) => recorded[`dacModel/${key}`] as HostTensor;
const state: Tensors = Object.fromEntries(
  Object.entries(recorded)
    .filter(([key]) => key.startsWith("dacModel/state/"))
    .map(([key, tensor]) => [key.slice("dacModel/state/".length), tensor]),
);
const arrays = (tensors: Tensors): Record<string, np.Array> =>
  Object.fromEntries(Object.entries(tensors).map(([key, tensor]) => [key, toDevice(tensor)]));
const [batch, length] = of("x").shape as [number, number];
const sound = () => toDevice(of("x")).reshape([batch, length, 1]);

test("DAC makes transformers' codes of a sound, and its sound of the codes", async () => {
  const given = arrays(state);
  const { model, variables } = modelFromPretrained("dac", given, { hidden_size: 12 });
  expect(model.lengthMultiple).toBe(6);
  const codes = await model.encode(tree.ref(variables), sound());
  expect(codes.shape).toEqual(of("codes").shape);
  expect([...(await codes.ref.data())]).toEqual([...of("codes").data]);
  const decoded = await model.decode(tree.ref(variables), codes);
  const { output } = model.apply(tree.ref(variables), sound());
  const made = of("sound").shape[1] as number;
  for (const ours of [decoded, output]) {
    expect(ours.shape).toEqual([batch, length, 1]);
    const values = await ours.data();
    for (let b = 0; b < batch; b++) {
      const theirs = of("sound").data.subarray(b * made, (b + 1) * made) as Float32Array;
      const own = [...values.subarray(b * length, (b + 1) * length)] as number[];
      const off = theirs.reduce(
        (most, v, i) => Math.max(most, Math.abs(v - (own[i] as number))),
        0,
      );
      expect(off).toBeLessThan(1e-5);
      // A decoder with an odd stride makes fewer samples than there are in its hops.
      expect(own.slice(made)).toEqual(new Array(length - made).fill(0));
    }
  }
  expect(modelFromConfig(JSON.parse(JSON.stringify(model.config))).config).toEqual(model.config);
  tree.dispose(variables as never);
  expectDisposed([given, variables]);
});

const without = (name: string): Tensors =>
  Object.fromEntries(Object.entries(state).filter(([other]) => !other.startsWith(name)));
const more: HostTensor = { dtype: "float32", shape: [3], data: new Float32Array(3) };

test.each<[string, Tensors, object, string]>([
  [
    "a layer that is missing",
    without("encoder.conv2"),
    {},
    "a tensor encoder.conv2.weight, got none",
  ],
  ["no encoder", without("encoder"), {}, "a tensor encoder.conv1.weight, got none"],
  ["no quantizer", without("quantizer"), {}, "quantizers.0"],
  ["a tensor too many", { ...state, "decoder.block.2.more": more }, {}, "got decoder.block.2.more"],
  [
    "another shape",
    { ...without("encoder.conv2.bias"), "encoder.conv2.bias": more },
    {},
    "shape of encoder.conv2.bias",
  ],
  ["another configuration", state, { codebook_size: 7 }, "config.codebook_size"],
])("refuses %s, and keeps nothing", (_name, tensors, config, message) => {
  const given = arrays(tensors);
  expect(() => modelFromPretrained("dac", given, config as never)).toThrow(message);
  expectDisposed([given]);
});

test("knows DAC alone", () => {
  expect(() => modelFromPretrained("snac" as never, {})).toThrow(
    'modelFromPretrained: name: expected one of "dac"',
  );
});
