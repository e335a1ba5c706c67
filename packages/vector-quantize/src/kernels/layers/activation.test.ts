import { afterAll, expect, test } from "vitest";
import { layersKernels } from "../engine/binaries/layers.ts";
import { createPool } from "../engine/createPool.ts";
import { type ActivationWork, planActivation } from "./activation.ts";
import { planSnake } from "./snake.ts";
import { Workspace } from "./workspace.ts";

const pool = createPool({ threads: 1 });
afterAll(() => pool.dispose());

const count = 20000;
const xs = Float32Array.from({ length: count }, (_, i) => -8 + (16 * i) / count);

/** By its power series, which has all digits for |x| up to 6. */
function erf(x: number): number {
  let [term, sum] = [x, x];
  for (let n = 1; n < 200; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return Math.abs(x) > 4 ? Math.sign(x) : (2 / Math.sqrt(Math.PI)) * sum;
}
const below = (x: number) => (1 + erf(x * Math.SQRT1_2)) / 2;
const share = (x: number) => 1 / (1 + Math.exp(-x));

type Name = ActivationWork["name"];
const functions: [Name, number, (x: number) => number, (x: number) => number][] = [
  [
    ...(["gelu", 5e-7, (x: number) => x * below(x)] as const),
    (x) => below(x) + (x * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI),
  ],
  [
    ...(["silu", 1e-6, (x: number) => x * share(x)] as const),
    (x) => share(x) * (1 + x * (1 - share(x))),
  ],
  ["sigmoid", 2e-7, share, (x) => share(x) * (1 - share(x))],
  ["tanh", 4e-7, Math.tanh, (x) => 1 - Math.tanh(x) ** 2],
  [
    ...(["elu", 2e-7, (x: number) => (x > 0 ? x : Math.expm1(x))] as const),
    (x) => (x > 0 ? 1 : Math.exp(x)),
  ],
];

const worst = (found: Float32Array, wanted: (x: number) => number) =>
  found.reduce((most, value, i) => Math.max(most, Math.abs(value - wanted(xs[i] as number))), 0);

test.each(functions)("%s and its slope are within %d on -8 ... 8", async (name, most, f, slope) => {
  const shapes = { inputShape: [count], outputShape: [count] };
  const plan = planActivation({ kind: "activation", name, ...shapes, factor: 1 });
  const work = new Workspace(pool, await pool.load(layersKernels, pool.form));
  const { y, kept } = await pool.exclusive(() =>
    plan.forward(work, {}, work.copyOf(xs), { training: true }),
  );
  expect(worst(work.floats(y, count), f)).toBeLessThan(most);
  const [slopes] = kept as readonly [number];
  expect(worst(work.floats(slopes, count), slope)).toBeLessThan(most);
  work.free();
});

test.each(functions)(
  "%s of NaN is NaN, and of far numbers what it tends to",
  async (name, _, f, slope) => {
    const far = Float32Array.of(Number.NaN, -200, -1e30, 200, 0);
    const shapes = { inputShape: [5], outputShape: [5] };
    const plan = planActivation({ kind: "activation", name, ...shapes, factor: 1 });
    const work = new Workspace(pool, await pool.load(layersKernels, pool.form));
    const { y, kept } = await pool.exclusive(() =>
      plan.forward(work, {}, work.copyOf(far), { training: true }),
    );
    const [slopes] = kept as readonly [number];
    for (const [at, of] of [
      [y, f],
      [slopes, slope],
    ] as const) {
      const [first, ...rest] = work.floats(at, 5);
      expect(first).toBeNaN();
      rest.forEach((value, i) => {
        expect(value).toBeCloseTo(of(far[i + 1] as number), 6);
      });
    }
    work.free();
  },
);

test("an activation writes over an input that nobody else holds", async () => {
  const shapes = { inputShape: [4], outputShape: [4] };
  const work = new Workspace(pool, await pool.load(layersKernels, pool.form));
  for (const name of ["relu", "gelu"] as const) {
    const plan = planActivation({ kind: "activation", name, ...shapes });
    const x = work.copyOf(Float32Array.of(-1, 1, -2, 2));
    const { y } = await pool.exclusive(() =>
      plan.forward(work, {}, work.hold(x), { training: true }),
    );
    expect(y).not.toBe(x);
    expect([...work.floats(x, 4)]).toEqual([-1, 1, -2, 2]);
    const over = await pool.exclusive(() => plan.forward(work, {}, x, { training: true }));
    expect(over.y).toBe(x);
    expect([...work.floats(x, 4)]).toEqual([...work.floats(y, 4)]);
  }
  work.free();
});

test("snake is within 2e-7, rounding apart, for angles up to thousands", async () => {
  const shapes = { inputShape: [count / 4, 4], outputShape: [count / 4, 4] };
  const plan = planSnake({ kind: "snake", ...shapes });
  const work = new Workspace(pool, await pool.load(layersKernels, pool.form));
  for (const reach of [1, 100, 600]) {
    const wide = xs.map((x) => x * reach);
    const alpha = work.copyOf(Float32Array.of(1, 1, 1, 1));
    const { y } = await pool.exclusive(() =>
      plan.forward(work, { alpha }, work.copyOf(wide), { training: false }),
    );
    const off = work.floats(y, count).map((value, i) => {
      const x = wide[i] as number;
      return Math.abs(value - (x + Math.sin(x) ** 2)) - Math.abs(x) * 2 ** -24;
    });
    expect(Math.max(...off)).toBeLessThan(2e-7);
  }
  work.free();
});
