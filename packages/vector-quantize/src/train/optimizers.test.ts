import { jit, numpy as np, tree } from "@jax-js/jax";
import { expect, test } from "vitest";
import { chain } from "./chain.ts";
import { applyUpdates, type GradientTransformation, type OptState } from "./optimizer.ts";
import { adam, adamw, sgd } from "./optimizers.ts";
import { constantSchedule, linearSchedule } from "./schedules.ts";
import { clipByGlobalNorm } from "./transforms.ts";

/** Five steps from [1, -2, 0.5, 3] with gradients `a p + b t`, the parameters in a tree of two. */
async function fiveSteps(optimizer: GradientTransformation): Promise<number[]> {
  const a = [np.array([0.3, -1.5]), np.array([2, 0])];
  const b = [np.array([0.1, 0.2]), np.array([-0.3, 1e-3])];
  type Pair = { first: np.Array; second: np.Array[] };
  const pair = (first: np.Array, second: np.Array): Pair => ({ first, second: [second] });
  let params = pair(np.array([1, -2]), np.array([0.5, 3]));
  let state = optimizer.init(tree.ref(params));
  const step = jit((params: Pair, state: np.Array, t: np.Array, a: np.Array[], b: np.Array[]) => {
    const gradient = (i: number, p: np.Array) =>
      (a[i] as np.Array).mul(p).add((b[i] as np.Array).mul(t.ref));
    const gradients = pair(
      gradient(0, params.first.ref),
      gradient(1, (params.second[0] as np.Array).ref),
    );
    t.dispose();
    const [updates, next] = optimizer.update(gradients, state, tree.ref(params));
    return { params: applyUpdates(params, updates), state: next } as never;
  }) as unknown as (...args: unknown[]) => { params: Pair; state: OptState };
  for (let t = 0; t < 5; t++) {
    ({ params, state } = step(params, state, np.array(t), tree.ref(a), tree.ref(b)));
  }
  tree.dispose([a, b]);
  tree.dispose(state as np.Array);
  const leaves = [params.first, ...params.second];
  const values = await Promise.all(leaves.map((leaf) => leaf.data()));
  return values.flatMap((list: ArrayLike<number>) => Array.from(list));
}

// From torch 2.13.0, torch.optim.AdamW, Adam, SGD and clip_grad_norm_ on the same problem.
test.each<[string, GradientTransformation, number[]]>([
  ["adamw", adamw(0.1), [0.49469244, -2.4912517, 0.2042706, 2.6509371]],
  [
    "adamw with options",
    adamw(0.05, { b1: 0.8, b2: 0.95, eps: 1e-3, weightDecay: 0.2 }),
    [0.70375311, -2.1489153, 0.31543505, 2.7484322],
  ],
  ["adam", adam(0.1), [0.49869615, -2.5022337, 0.20530289, 2.665431]],
  ["sgd", sgd(0.1), [0.76168925, -4.2550316, 0.40960002, 2.9990001]],
  ["momentum", sgd(0.1, { momentum: 0.9 }), [0.45312643, -7.9541674, 0.15778002, 2.9981444]],
  [
    "nesterov",
    sgd(0.1, { momentum: 0.9, nesterov: true }),
    [0.30187136, -11.712797, 0.33075747, 2.9973295],
  ],
  ["clipping", chain(clipByGlobalNorm(1), sgd(0.1)), [0.93587214, -2.4883082, 0.4493742, 2.999754]],
  [
    "a constant schedule",
    adamw(constantSchedule(0.1)),
    [0.49469244, -2.4912517, 0.2042706, 2.6509371],
  ],
])("%s steps as PyTorch's does", async (_name, optimizer, expected) => {
  const found = await fiveSteps(optimizer);
  expected.forEach((value, i) => {
    expect(Math.abs((found[i] as number) - value)).toBeLessThan(
      2e-6 * Math.max(1, Math.abs(value)),
    );
  });
});

test("a schedule sees how many updates were taken before", async () => {
  // Rates 0, 0.1, 0.2, 0.2 with gradient 1: 1 - 0.5 in all.
  const optimizer = sgd(linearSchedule(0, 0.2, 2));
  let params = np.array([1]);
  let state = optimizer.init(params.ref);
  for (let t = 0; t < 4; t++) {
    const [updates, next] = optimizer.update(np.array([1]), state, params.ref);
    params = applyUpdates(params, updates);
    state = next;
  }
  tree.dispose(state as never);
  expect((await params.data())[0]).toBeCloseTo(0.5, 6);
});

test("clipping leaves short and zero gradients alone", async () => {
  const clip = clipByGlobalNorm(10);
  for (const values of [
    [3, 4],
    [0, 0],
  ]) {
    const [clipped] = clip.update(np.array(values), clip.init(np.array(values)), np.array(values));
    expect([...(await clipped.data())]).toEqual(values);
  }
});

test("refuses what it cannot use", () => {
  expect(() => adamw(-1)).toThrow(
    "adamw: learningRate: expected a finite number of at least 0, got -1",
  );
  expect(() => adamw("fast" as never)).toThrow("a number or a schedule");
  expect(() => adam(1, { b1: 2 })).toThrow("adam: b1: expected a number from 0 to 1, got 2");
  expect(() => sgd(1, { momentun: 0.9 } as never)).toThrow('option "momentun"');
});
