import { numpy as np, tree } from "@jax-js/jax";
import { expect, test } from "vitest";
import { jitted } from "../tree.ts";
import { chain } from "./chain.ts";
import { applyUpdates, type OptState } from "./optimizer.ts";
import { adam, sgd } from "./optimizers.ts";
import { partition } from "./partition.ts";
import { clipByGlobalNorm } from "./transforms.ts";

const paramsOf = () => ({
  quantizer: { codes: np.array([1, 2]) },
  encoder: [{ weight: np.array([3]), bias: np.array([4]) }, {}],
});
const gradients = () => ({
  quantizer: { codes: np.array([0.5, -0.5]) },
  encoder: [{ weight: np.array([1]), bias: np.array([-2]) }, {}],
});
const values = async (x: object) =>
  Promise.all(
    (tree.leaves(x as never) as np.Array[]).map(async (leaf) => [...(await leaf.data())]),
  );

const group = (path: string) => (path.startsWith("quantizer.") ? "codes" : "rest");

test("each group goes its own way, through jit and over steps", async () => {
  const parts = partition({ codes: adam(0.1), rest: sgd(1), none: clipByGlobalNorm(1) }, group);
  const run = jitted((params: ReturnType<typeof paramsOf>, state: never) => {
    const [updates, next] = parts.update(gradients(), state, tree.ref(params as never));
    return [applyUpdates(params, updates as never), next];
  });
  let params = paramsOf();
  let state = parts.init(paramsOf());
  for (let i = 0; i < 2; i++)
    [params, state] = run(params, state as never) as [typeof params, OptState];
  const { quantizer, encoder } = params;
  const [codes, weight, bias] = await values([
    quantizer.codes,
    encoder[0]?.weight,
    encoder[0]?.bias,
  ]);
  expect(codes?.[0]).toBeCloseTo(0.8, 5); // Adam's steps against a steady gradient are its rate
  expect(codes?.[1]).toBeCloseTo(2.2, 5);
  expect([weight, bias]).toEqual([[1], [8]]);
  tree.dispose(state as never);
});

test("a norm clipped within a group is the group's", async () => {
  const parts = partition({ codes: clipByGlobalNorm(1), rest: chain(clipByGlobalNorm(1)) }, group);
  const [updates, state] = parts.update(gradients(), parts.init(paramsOf()), paramsOf());
  const [bias, weight, codes] = await values([
    updates.encoder[0]?.bias,
    updates.encoder[0]?.weight,
    updates.quantizer.codes,
  ]);
  expect(Math.hypot(bias?.[0] ?? 0, weight?.[0] ?? 0)).toBeCloseTo(1, 5);
  expect(codes).toEqual([0.5, -0.5]); // its norm is below 1
  tree.dispose(state as never);
});

test("names the parameter of an unknown group", () => {
  expect(() => partition({ rest: sgd(1) }, group).init(paramsOf())).toThrow(
    'partition: group of "quantizer.codes": expected one of rest, got "codes"',
  );
});
