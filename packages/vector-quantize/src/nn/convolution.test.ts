import { grad, jit, numpy as np, random } from "@jax-js/jax";
import { describe, expect, it, test } from "vitest";
import { conv2d } from "./conv2d.ts";
import { convolve, enlargingKernel } from "./convolution.ts";
import { upsample } from "./upsample.ts";

/** Small whole numbers, on which sums in float32 are exact. */
const whole = (seed: number, shape: number[]) =>
  np.round(random.uniform(random.key(seed), shape, { minval: -4, maxval: 4 }));

/** Convolution by its definition, on the host. */
function plain(
  x: ArrayLike<number>,
  xShape: number[],
  w: ArrayLike<number>,
  wShape: number[],
  p: number,
) {
  const [B, H, W, C] = xShape as [number, number, number, number];
  const [k, , , F] = wShape as [number, number, number, number];
  const out: number[] = [];
  for (let b = 0; b < B; b++)
    for (let h = 0; h < H + 2 * p - k + 1; h++)
      for (let v = 0; v < W + 2 * p - k + 1; v++)
        for (let f = 0; f < F; f++) {
          let sum = 0;
          for (let i = 0; i < k; i++)
            for (let j = 0; j < k; j++) {
              const [r, s] = [h + i - p, v + j - p];
              if (r < 0 || r >= H || s < 0 || s >= W) continue;
              for (let c = 0; c < C; c++)
                sum +=
                  (x[((b * H + r) * W + s) * C + c] as number) *
                  (w[((i * k + j) * C + c) * F + f] as number);
            }
          out.push(sum);
        }
  return out;
}

// [B, H, W, C, F, k, padding]: every edge, with one image and several, one channel and several.
const cases = [
  [1, 1, 1, 1, 1, 1, 0],
  [2, 3, 2, 3, 4, 1, 0],
  [1, 3, 3, 1, 1, 3, 0],
  [1, 3, 3, 2, 1, 3, 1],
  [3, 4, 5, 2, 3, 3, 1],
  [2, 5, 4, 4, 4, 3, 2],
  [2, 2, 2, 1, 5, 3, 1],
  [2, 6, 5, 3, 2, 5, 2],
  [2, 7, 6, 1, 4, 5, 0],
  [1, 8, 8, 16, 16, 3, 1],
] as const;

describe("convolve", () => {
  it.each(cases)(
    "%d images %d x %d, %d to %d channels, kernel %d, padding %d",
    async (...shape) => {
      const [B, H, W, C, F, k, p] = shape;
      const x = whole(1, [B, H, W, C]);
      const w = whole(2, [k, k, C, F]);
      const [xs, ws] = await Promise.all([x.ref.data(), w.ref.data()]);
      const y = jit((x: np.Array, w: np.Array) => convolve(x, w, p))(x, w);
      expect(y.shape).toEqual([B, H + 2 * p - k + 1, W + 2 * p - k + 1, F]);
      expect([...(await y.data())]).toEqual(plain(xs, [B, H, W, C], ws, [k, k, C, F], p));
    },
  );

  it.each(cases)("has the adjoint as gradient: %d, %d x %d, %d, %d, %d, %d", async (...shape) => {
    // A bilinear f has <f(v, w), g> = <v, df/dx> = <w, df/dw> with x = v and the cotangent g.
    const [B, H, W, C, F, k, p] = shape;
    const x = whole(3, [B, H, W, C]);
    const w = whole(4, [k, k, C, F]);
    const g = whole(5, [B, H + 2 * p - k + 1, W + 2 * p - k + 1, F]);
    const inner = (x: np.Array, w: np.Array, g: np.Array) => np.sum(convolve(x, w, p).mul(g));
    const value = jit(inner)(x.ref, w.ref, g.ref);
    const [dx, dw] = jit(grad(inner, { argnums: [0, 1] }))(x.ref, w.ref, g) as [np.Array, np.Array];
    const [byX, byW] = [np.sum(dx.mul(x)), np.sum(dw.mul(w))];
    const [all, fromX, fromW] = await Promise.all([value.data(), byX.data(), byW.data()]);
    expect([fromX[0], fromW[0]]).toEqual([all[0], all[0]]);
  });
});

test.each([
  [3, 2, 1],
  [3, 2, 4],
  [3, 3, 2],
  [5, 2, 2],
  [5, 3, 1],
  [1, 2, 3],
])("a kernel of %d on images enlarged %d times, %d features", async (size, factor, features) => {
  const x = whole(6, [2, 4, 3, 2]);
  const w = whole(7, [size, size, 2, features]);
  const options = { inChannels: 2, outChannels: features, kernelSize: size, bias: false };
  const direct = conv2d({ ...options, upsample: factor }).apply({ weight: w.ref }, x.ref);
  const large = conv2d(options).apply({ weight: w }, upsample({ factor }).apply({}, x));
  expect(direct.shape).toEqual([2, 4 * factor, 3 * factor, features]);
  expect([...(await direct.data())]).toEqual([...(await large.data())]);
});

test("the weights of an enlarging kernel add up to the kernel's, pixel by pixel", async () => {
  const w = whole(8, [3, 3, 1, 1]);
  const total = (await np.sum(w.ref).data())[0] as number;
  const enlarging = enlargingKernel(w, 2);
  expect(enlarging.shape).toEqual([3, 3, 1, 4]);
  expect([...(await np.sum(enlarging, [0, 1, 2]).data())]).toEqual([total, total, total, total]);
});
