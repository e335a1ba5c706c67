import { grad, jit, makeJaxpr, numpy as np, random, tree } from "@jax-js/jax";
import { describe, expect, it, test } from "vitest";
import { type Axis, windowsOn } from "./axis.ts";
import { conv2d } from "./conv2d.ts";
import { type Axes, convolve } from "./convolution.ts";
import { enlargingKernel } from "./enlarged.ts";
import { upsample } from "./upsample.ts";

/** Small whole numbers, on which sums in float32 are exact. */
const whole = (seed: number, shape: number[]) =>
  np.round(random.uniform(random.key(seed), shape, { minval: -4, maxval: 4 }));

const axis = (size: number, given: Partial<Axis> = {}): Axis => ({
  ...{ size, stride: 1, dilation: 1, front: 0, behind: 0 },
  ...given,
});

interface Case {
  x: readonly [B: number, H: number, W: number, C: number];
  features: number;
  axes: Axes;
  groups?: number;
}

const square = (
  ...[B, H, W, C, features, k, p]: readonly [
    ...[number, number, number, number],
    ...[number, number, number],
  ]
): Case => {
  const each = axis(k, { front: p, behind: p });
  return { x: [B, H, W, C], features, axes: [each, each] };
};

const kernelShape = ({ x, features, axes, groups = 1 }: Case) => [
  ...axes.map(({ size }) => size),
  ...[x[3] / groups, features],
];

const outputShape = ({ x: [B, H, W], features, axes }: Case) => [
  ...[B, windowsOn(axes[0], H), windowsOn(axes[1], W), features],
];

/** Convolution by its definition, on the host. */
function plain(x: ArrayLike<number>, w: ArrayLike<number>, given: Case): number[] {
  const [, H, W, C] = given.x;
  const { axes, features: F, groups = 1 } = given;
  const [down, across] = axes;
  const [B, outH, outW] = outputShape(given) as [number, number, number];
  const inside = C / groups;
  const out: number[] = [];
  for (let at = 0; at < B * outH * outW * F; at++) {
    const f = at % F;
    const v = Math.floor(at / F) % outW;
    const h = Math.floor(at / F / outW) % outH;
    const b = Math.floor(at / F / outW / outH);
    const first = Math.floor(f / (F / groups)) * inside;
    let sum = 0;
    for (let i = 0; i < down.size; i++)
      for (let j = 0; j < across.size; j++) {
        const r = h * down.stride + i * down.dilation - down.front;
        const s = v * across.stride + j * across.dilation - across.front;
        if (r < 0 || r >= H || s < 0 || s >= W) continue;
        for (let c = 0; c < inside; c++)
          sum +=
            x[((b * H + r) * W + s) * C + first + c]! *
            w[((i * across.size + j) * inside + c) * F + f]!;
      }
    out.push(sum);
  }
  return out;
}

// Every edge, with one image and several, one channel and several.
const cases: Case[] = [
  square(1, 1, 1, 1, 1, 1, 0),
  square(2, 3, 2, 3, 4, 1, 0),
  square(1, 3, 3, 1, 1, 3, 0),
  square(1, 3, 3, 2, 1, 3, 1),
  square(3, 4, 5, 2, 3, 3, 1),
  square(2, 5, 4, 4, 4, 3, 2),
  square(2, 2, 2, 1, 5, 3, 1),
  square(2, 6, 5, 3, 2, 5, 2),
  square(2, 7, 6, 1, 4, 5, 0),
  square(1, 8, 8, 16, 16, 3, 1),
  // Zeros on one side alone, as many as the kernel allows, and a part of the images unused.
  { x: [2, 5, 6, 2], features: 3, axes: [axis(3, { front: 2 }), axis(3, { behind: 2 })] },
  { x: [2, 1, 7, 2], features: 3, axes: [axis(1), axis(4, { front: 3, stride: 2 })] },
  { x: [2, 8, 7, 1], features: 2, axes: [axis(2, { stride: 3 }), axis(3, { stride: 5 })] },
  // The last window of a row meets a phase that has no zeros in front of the next row.
  { x: [2, 2, 5, 2], features: 2, axes: [axis(1), axis(4, { stride: 2, front: 1, behind: 2 })] },
];
for (const stride of [1, 2, 3]) {
  for (const dilation of [1, 2, 3]) {
    for (const [size, front, behind] of [
      [1, 0, 0],
      [2, 1, 1],
      [3, 2, 0],
      [4, 0, 3],
    ] as const) {
      const axes = [
        axis(size, { stride, dilation, front, behind }),
        axis(4 - (size % 3), { stride: 4 - stride, dilation: 1, front: behind % 2, behind: front }),
      ] as const;
      cases.push({ x: [2, 11, 6, 3], features: 2, axes });
    }
  }
}
for (const [channels, features, groups] of [
  [4, 6, 2],
  [6, 3, 3],
  [4, 4, 4],
  [3, 6, 3],
] as const) {
  const each = axis(3, { front: 1, behind: 1 });
  const strided = axis(2, { stride: 2, dilation: 2, behind: 1 });
  cases.push({ x: [2, 5, 4, channels], features, axes: [each, each], groups });
  cases.push({ x: [3, 7, 5, channels], features, axes: [each, strided], groups });
}
const named = cases.map((each) => [JSON.stringify(each), each] as const);

describe("convolve", () => {
  it.each(named)("%s", async (_name, given) => {
    const x = whole(1, [...given.x]);
    const w = whole(2, kernelShape(given));
    const [xs, ws] = await Promise.all([x.ref.data(), w.ref.data()]);
    const run = (x: np.Array, w: np.Array) => convolve(x, w, given.axes, given.groups);
    const y = jit(run)(x, w);
    expect(y.shape).toEqual(outputShape(given));
    expect([...(await y.data())]).toEqual(plain(xs, ws, given));
  });

  it.each(named)("has the adjoint as gradient: %s", async (_name, given) => {
    // A bilinear f has <f(v, w), g> = <v, df/dx> = <w, df/dw> with x = v and the cotangent g.
    const x = whole(3, [...given.x]);
    const w = whole(4, kernelShape(given));
    const g = whole(5, outputShape(given));
    const inner = (x: np.Array, w: np.Array, g: np.Array) =>
      np.sum(convolve(x, w, given.axes, given.groups).mul(g));
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

test("a convolution is one part of a traced program, whose name says how it slides", () => {
  const layer = conv2d({ inChannels: 2, outChannels: 4, kernelSize: [3, 1], groups: 2, stride: 2 });
  const params = layer.init(random.key(0));
  const x = np.zeros([1, 4, 4, 2]);
  const { jaxpr } = makeJaxpr((x: np.Array) => layer.apply(tree.ref(params), x))(x);
  const parts = jaxpr.jaxpr.eqns.filter(({ primitive }) => String(primitive) === "jit");
  expect(parts.map(({ params: { name } }) => name.split(" ")[0])).toEqual(["vq.convolution"]);
  const said = parts.map(({ params: { name } }) => name.slice(name.indexOf(" ")));
  expect(JSON.parse(said.join())).toEqual({
    axes: [
      { size: 3, stride: 2, dilation: 1, front: 1, behind: 1 },
      { size: 1, stride: 2, dilation: 1, front: 0, behind: 0 },
    ],
    groups: 2,
    upsample: 1,
  });
  jaxpr.dispose();
  tree.dispose([params, x] as never);
});
