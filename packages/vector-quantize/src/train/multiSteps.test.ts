import { numpy as np, tree } from "@jax-js/jax";
import { expect, test } from "vitest";
import { jitted } from "../tree.ts";
import { multiSteps } from "./multiSteps.ts";
import { applyUpdates, type GradientTransformation, type OptState } from "./optimizer.ts";
import { adam, adamw } from "./optimizers.ts";
import { linearSchedule } from "./schedules.ts";

/** The parameters after each of the `gradients`. */
async function steps(optimizer: GradientTransformation, gradients: readonly number[]) {
  let params = { p: np.array([1, -1]) };
  let state: OptState = optimizer.init(tree.ref(params));
  const run = jitted((p: typeof params, s: OptState, g: np.Array) => {
    const [updates, next] = optimizer.update({ p: g }, s, tree.ref(p));
    return [applyUpdates(p, updates), next] as const;
  });
  const seen: number[][] = [];
  for (const g of gradients) {
    [params, state] = run(params, state, np.array([g, 2 * g]));
    seen.push([...((await params.p.ref.data()) as Float32Array)]);
  }
  tree.dispose([params, state] as never);
  return seen;
}

test("updates once in so many steps, by the mean gradient", async () => {
  const optimizer = () => adamw(linearSchedule(0.1, 0.01, 4), { weightDecay: 0.1 });
  const many = await steps(multiSteps(optimizer(), 3), [1, 2, 6, -1, 0, -2]);
  const few = await steps(optimizer(), [3, -1]);
  expect([many[0], many[1]]).toEqual([
    [1, -1],
    [1, -1],
  ]);
  for (const [at, want] of [2, 5].map((i, k) => [many[i], few[k]] as const)) {
    at?.forEach((value, i) => {
      expect(value).toBeCloseTo(want?.[i] as number, 6);
    });
  }
  expect(many[3]).toEqual(many[2]);
});

test("one step to an update is the optimizer itself", () => {
  const optimizer = adam(0.1);
  expect(multiSteps(optimizer, 1)).toBe(optimizer);
  expect(() => multiSteps(optimizer, 0)).toThrow(
    "multiSteps: every: expected an integer of at least 1, got 0",
  );
});
