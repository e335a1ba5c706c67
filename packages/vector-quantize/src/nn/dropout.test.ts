import { grad, jit, numpy as np, random } from "@jax-js/jax";
import { expect, test } from "vitest";
import { dropout } from "./dropout.ts";

const numbers = async (x: np.Array) => [...(await x.data())] as number[];
const dropped = (rate: number, seed: number, x: np.Array) => {
  const { train } = dropout({ rate });
  const [y] = train!({}, x, { state: {}, key: random.key(seed) });
  return y;
};

test("dropout gives the input in evaluation", async () => {
  const x = random.normal(random.key(0), [3, 4]);
  expect(await numbers(dropout().apply({}, x.ref))).toEqual(await numbers(x));
});

test.each([0, 0.25, 0.9, 1])(
  "dropout at %d drops its share and enlarges the rest",
  async (rate) => {
    const y = await numbers(dropped(rate, 1, np.ones([100, 100])));
    const zeros = y.filter((value) => value === 0).length;
    expect(Math.abs(zeros / y.length - rate)).toBeLessThan(0.02); // 4 deviations
    for (const value of y) if (value !== 0) expect(value).toBeCloseTo(1 / (1 - rate), 5);
  },
);

test("dropout draws by its key, and its gradient goes where its input went", async () => {
  const x = np.full([64], 3);
  const y = await numbers(dropped(0.5, 1, x.ref));
  expect(await numbers(dropped(0.5, 1, x.ref))).toEqual(y);
  expect(await numbers(dropped(0.5, 2, x.ref))).not.toEqual(y);
  const run = (x: np.Array, key: np.Array) =>
    np.sum(dropout().train!({}, x, { state: {}, key })[0]);
  const dx = jit(grad(run))(x, random.key(1)) as np.Array;
  expect(await numbers(dx)).toEqual(y.map((value) => value / 3));
});

test("dropout says that it wants a key", () => {
  expect(() => dropout().train!({}, np.ones([2]), { state: {} })).toThrow(
    "dropout: key: expected a key in training, for dropout, got undefined. Make one by random.key(0)",
  );
});
