/** Our layers beside PyTorch's: outputs, and gradients by the input and every parameter. */
import { readFileSync } from "node:fs";
import { numpy as np } from "@jax-js/jax";
import { type LayerConfig, layerFromConfig } from "vector-quantize/nn";
import { expect, test } from "vitest";
import { toHost } from "../../packages/vector-quantize/src/checkpoint/safetensors.ts";
import { decodeSafetensors } from "../../packages/vector-quantize/src/checkpoint/safetensorsFormat.ts";
import { jitted } from "../../packages/vector-quantize/src/tree.ts";
import { tensor } from "./cases.ts";
import { expectSame } from "./compare.ts";
import { differentiate } from "./differentiate.ts";

const file = readFileSync(new URL("../../parity/layers/cases.safetensors", import.meta.url));
const { tensors, metadata } = decodeSafetensors(file, "cases.safetensors");
const cases = Object.entries(JSON.parse(metadata.cases!) as Record<string, LayerConfig>);

/** Where the axes of our weights stand in PyTorch's, as the layers' docstrings tell. */
const weightAxes: Record<string, readonly number[]> = {
  conv1d: [2, 1, 0],
  conv2d: [2, 3, 1, 0],
  convTranspose1d: [2, 0, 1],
  convTranspose2d: [2, 3, 0, 1],
};
/** The same for what flows through: channels last. */
const flowAxes: Record<number, readonly number[]> = { 2: [0, 1], 3: [0, 2, 1], 4: [0, 2, 3, 1] };

/** A recorded tensor with our axes. */
function recorded(name: string, axes?: readonly number[]): np.Array {
  const { shape, data } = tensor(tensors, name);
  const x = np.array(data as Float32Array<ArrayBuffer>, { shape: [...shape] });
  const order = axes ?? flowAxes[shape.length];
  return order && order.length === shape.length ? np.permuteDims(x, [...order]) : x;
}

const namesBelow = (prefix: string) =>
  Object.keys(tensors)
    .filter((name) => name.startsWith(prefix))
    .map((name) => name.slice(prefix.length));

test("there are cases", () => expect(cases.length).toBeGreaterThan(165));

test.for(cases)("%s", async ([name, config]) => {
  const layer = layerFromConfig(config);
  const axes = weightAxes[config.type] ?? [];
  const params = Object.fromEntries(
    namesBelow(`${name}/params/`).map((key) => [key, recorded(`${name}/params/${key}`, axes)]),
  );
  const along = recorded(`${name}/weight`);
  const objective = (given: typeof params, x: np.Array) =>
    np.sum(layer.apply(given, x).mul(along.ref));
  const output = layer.apply(
    Object.fromEntries(Object.entries(params).map(([key, value]) => [key, value.ref])),
    recorded(`${name}/x`),
  );
  const run = jitted((given: typeof params, x: np.Array) => differentiate(objective, given, x));
  const { value, byParams, byX } = run(params, recorded(`${name}/x`));
  value.dispose();
  along.dispose();

  const ours = await toHost({ output, x: byX, ...byParams });
  const theirs = await toHost({
    output: recorded(`${name}/y`),
    x: recorded(`${name}/grad/x`),
    ...Object.fromEntries(
      Object.keys(params).map((key) => [key, recorded(`${name}/grad/${key}`, axes)]),
    ),
  });
  for (const [key, expected] of Object.entries(theirs)) expectSame(key, ours[key]!, expected);
});
