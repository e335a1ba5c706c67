/** Our layers beside PyTorch's: outputs, and gradients by the input and every parameter. */
import { readFileSync } from "node:fs";
import { numpy as np, tree } from "@jax-js/jax";
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

const parametersBelow = (prefix: string, axes: readonly number[] = []) =>
  Object.fromEntries(
    namesBelow(prefix).map((key) => [key, recorded(`${prefix}${key}`, axes)] as const),
  );

test("there are cases", () => expect(cases.length).toBeGreaterThan(155));

test.for(cases)("%s", async ([name, config]) => {
  const layer = layerFromConfig(config);
  const axes = weightAxes[config.type] ?? [];
  const inTraining = namesBelow(`${name}/after/`).length > 0;
  type Params = Record<string, np.Array>;
  const run = (given: Params, x: np.Array): [np.Array, Params] => {
    const state = parametersBelow(`${name}/state/`);
    return inTraining && layer.train
      ? (layer.train(given, x, { state }) as [np.Array, Params])
      : [layer.apply(given, x, state), {}];
  };
  const objective = (given: Params, x: np.Array) => {
    const [y, after] = run(given, x);
    tree.dispose(after);
    return np.sum(y.mul(recorded(`${name}/weight`)));
  };
  const [params, x] = [() => parametersBelow(`${name}/params/`, axes), () => recorded(`${name}/x`)];
  const [y, after] = jitted(run)(params(), x());
  const { value, byParams, byX } = jitted((given: Params, x: np.Array) =>
    differentiate(objective, given, x),
  )(params(), x());
  value.dispose();

  const ours = await toHost({ y, x: byX, ...byParams, ...after });
  const theirs = await toHost({
    y: recorded(`${name}/y`),
    ...parametersBelow(`${name}/grad/`, axes),
    x: recorded(`${name}/grad/x`),
    ...parametersBelow(`${name}/after/`),
  });
  expect(Object.keys(ours).sort()).toEqual(Object.keys(theirs).sort());
  for (const [key, expected] of Object.entries(theirs)) expectSame(key, ours[key]!, expected);
});
