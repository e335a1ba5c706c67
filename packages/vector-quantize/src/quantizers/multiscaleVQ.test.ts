import { jit, numpy as np, random, tree, valueAndGrad } from "@jax-js/jax";
import { expect, it } from "vitest";
import { leakedBytes } from "../../../../test/leak.ts";
import { numbers } from "../../../../test/support/arrays.ts";
import { refusesHostileCalls } from "../../../../test/support/hostileCalls.ts";
import { codecFromBytes } from "../codec/codecFromBytes.ts";
import { createCodec } from "../codec/createCodec.ts";
import { checkIndices } from "./checkIndices.ts";
import { factorizedVQ } from "./factorizedVQ.ts";
import { type MultiscaleVQParams, multiscaleVQ } from "./multiscaleVQ.ts";
import { quantizerFromConfig } from "./registry.ts";

const base = { dim: 6, codebookSize: 8, codebookDim: 3 };
const quantizer = multiscaleVQ({ ...base, strides: [4, 2, 1] });
const start = () => quantizer.init(random.key(0));
const input = () => random.normal(random.key(1), [2, 8, 6]);

it("quantizes means of steps, coarse first, each on what the ones before left", async () => {
  const variables = start();
  const own = (at: number) => tree.ref({ params: variables.params.layers[at]!, state: {} });
  const layer = factorizedVQ(base);
  let left = input();
  let sum = np.zeros([2, 8, 6]);
  const codes: number[][] = [[], []];
  for (const [at, stride] of [4, 2, 1].entries()) {
    const seen = np.mean(left.ref.reshape([2, 8 / stride, stride, 6]), 2);
    const indices = await layer.encode(own(at), seen);
    const rows = await numbers(indices.ref);
    for (const batch of [0, 1]) {
      codes[batch]!.push(...rows.slice((batch * 8) / stride, ((batch + 1) * 8) / stride));
    }
    const added = np.repeat(layer.decode(own(at), indices), stride, 1);
    left = left.sub(added.ref);
    sum = sum.add(added);
  }
  left.dispose();
  const indices = await quantizer.encode(tree.ref(variables), input());
  expect(indices.shape).toEqual([2, 14]);
  expect(await numbers(indices.ref)).toEqual(codes.flat());
  const decoded = await numbers(quantizer.decode(tree.ref(variables), indices.ref));
  for (const [at, value] of (await numbers(sum)).entries())
    expect(decoded[at]).toBeCloseTo(value, 5);
  const out = quantizer.apply(tree.ref(variables), input());
  expect(await numbers(out.indices)).toEqual(codes.flat());
  expect(await numbers(out.quantized)).toEqual(decoded);
  tree.dispose([out.loss, out.losses, out.state] as never);
  expect(quantizer.codes(variables, indices).shape).toEqual([2, 14, 3]);
});

it("trains by gradients, and leaks nothing", async () => {
  const loss = (x: np.Array, params: MultiscaleVQParams): np.Array => {
    const out = quantizer.apply({ params, state: {} }, x, { training: true });
    tree.dispose([out.indices, out.losses, out.state] as never);
    return np.sum(np.square(out.quantized)).add(out.loss);
  };
  const step = jit(valueAndGrad(loss as never) as never) as unknown as (
    ...args: unknown[]
  ) => [np.Array, np.Array];
  const { params } = start();
  let finite = true;
  const grown = await leakedBytes(async () => {
    const [value, gradient] = step(input(), tree.ref(params as never));
    for (const array of [value, gradient]) finite &&= (await array.data()).every(Number.isFinite);
  });
  expect(finite).toBe(true);
  expect(grown).toBe(0);
  tree.dispose(params as never);
});

it("is rebuilt by its configuration, and makes a codec", async () => {
  const again = quantizerFromConfig(JSON.parse(JSON.stringify(quantizer.config)));
  expect(again.config).toEqual(quantizer.config);
  const codec = createCodec(quantizer, start());
  const other = codecFromBytes(await codec.toBytes());
  const x = new Float32Array(await input().data());
  const codes = await codec.encode(x, { shape: [2, 8, 6] });
  expect(codes.shape).toEqual([2, 14]);
  expect(await other.encode(x, { shape: [2, 8, 6] })).toEqual(codes);
  const decoded = await codec.decode(codes, codes);
  expect(decoded.shape).toEqual([2, 8, 6]);
  const indices = np.array(codes, { shape: [2, 14] });
  expect(decoded).toEqual(await quantizer.decode(start(), indices).data());
  codec.dispose();
  other.dispose();
});

it("gives -1 and NaN for steps that can't be used", async () => {
  const x = np.array(new Float32Array(2 * 8 * 6).fill(0.5).fill(Number.NaN, 0, 1), {
    shape: [2, 8, 6],
  });
  const indices = await quantizer.encode(start(), x);
  const codes = await numbers(indices.ref);
  expect(codes.slice(14).every((code) => code >= 0)).toBe(true);
  expect(codes[0]).toBe(-1);
  expect(codes[1]).toBeGreaterThanOrEqual(0);
  const decoded = await numbers(quantizer.decode(start(), indices));
  expect(Number.isNaN(decoded[0])).toBe(true);
  expect(decoded.slice(48).some(Number.isNaN)).toBe(false);
});

it("refuses other lengths, and hostile calls in words", async () => {
  const x = np.zeros([2, 6, 6]);
  expect(() => quantizer.apply(start(), x)).toThrow(
    "multiscaleVQ.apply: shape of x: expected [B, T, 6] with T a multiple of 4, 2, 1, got [2, 6, 6]",
  );
  expect(x.refCount).toBe(0);
  const odd = np.zeros([2, 9], { dtype: np.int32 });
  await expect(checkIndices(quantizer as never, odd)).rejects.toThrow("shape of indices");
  // Numbers of codes near those of whole series.
  for (const strides of [
    [1, 1, 1],
    [2, 1, 1],
  ]) {
    const many = multiscaleVQ({ dim: 4, codebookSize: 8, strides });
    const share = strides.reduce((sum, stride) => sum + 1 / stride, 0);
    const whole = 2 * share;
    for (const P of [whole - 1, whole + 1]) {
      const codes = np.zeros([1, P], { dtype: np.int32 });
      expect(() => many.decode(many.init(random.key(0)), codes)).toThrow(
        `shape of indices: expected [B, the codes of whole series], got [1, ${P}]`,
      );
    }
  }
  await refusesHostileCalls({
    make: () => quantizer as never,
    shape: [2, 8, 6],
  });
});
