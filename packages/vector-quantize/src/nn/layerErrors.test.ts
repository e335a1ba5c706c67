import { numpy as np } from "@jax-js/jax";
import { expect, test } from "vitest";
import { avgPool } from "./avgPool.ts";
import { conv1d } from "./conv1d.ts";
import { conv2d } from "./conv2d.ts";
import { convTranspose1d } from "./convTranspose1d.ts";
import { convTranspose2d } from "./convTranspose2d.ts";
import { groupNorm } from "./groupNorm.ts";
import { linear } from "./linear.ts";
import { maxPool } from "./maxPool.ts";
import { layerFromConfig } from "./registry.ts";
import { residual } from "./residual.ts";
import { snake } from "./snake.ts";
import { depthToSpace, spaceToDepth } from "./spaceToDepth.ts";

test("bad options and inputs are told", () => {
  expect(() => conv2d({ inChannels: 1, outChannels: 1, kernelSize: 2 })).toThrow(
    "conv2d: kernelSize: expected an odd integer, got 2",
  );
  expect(() => conv2d({ inChannels: 1, outChannels: 1, padding: 3 })).toThrow(
    "less than kernelSize (3)",
  );
  expect(() => conv2d({ inChannels: 1, outChannels: 1, kernelSize: 2 })).toThrow(
    'Even ones want a number or "valid" as padding',
  );
  expect(() => conv2d({ inChannels: 1, outChannels: 1, dilation: 2, padding: [1, 5] })).toThrow(
    "conv2d: padding: expected less than the length of the dilated kernel (5), got 5",
  );
  expect(() => conv2d({ inChannels: 1, outChannels: 1, padding: "full" as never })).toThrow(
    'conv2d: padding: expected a number or one of "same", "valid", "causal", got "full"',
  );
  const causal = { inChannels: 1, outChannels: 1, padding: "causal" } as const;
  expect(() => conv2d({ ...causal, kernelSize: [3, 4] })).toThrow(
    'conv2d: kernelSize[1]: expected an odd integer, got 4. Even ones want a number or "valid"',
  );
  expect(() => conv2d({ ...causal, upsample: 2 })).toThrow(
    'conv2d: padding with upsample: expected "same", got "causal"',
  );
  expect(() => convTranspose2d({ ...causal, kernelSize: 4 })).toThrow(
    "convTranspose2d: kernelSize: expected an odd integer, got 4. Even ones want numbers as padding",
  );
  expect(() => conv2d({ inChannels: 1, outChannels: 1, stride: [1, 2, 3] as never })).toThrow(
    "conv2d: stride: expected a number or [vertical, horizontal], got [1, 2, 3]",
  );
  expect(() => conv1d({ inChannels: 4, outChannels: 6, groups: 4 })).toThrow(
    "conv1d: groups: expected a divisor of outChannels (6), got 4",
  );
  expect(() =>
    conv1d({ inChannels: 2, outChannels: 1, padding: "valid", bias: false }).apply(
      { weight: np.zeros([3, 2, 1]) },
      np.zeros([1, 2, 2]),
    ),
  ).toThrow("conv1d: expected at least 3 vectors, got 2");
  const single = { inChannels: 1, outChannels: 1 };
  expect(() => convTranspose1d({ ...single, stride: 2, outputPadding: 2 })).toThrow(
    "convTranspose1d: outputPadding: expected less than stride or dilation (2), got 2",
  );
  expect(() =>
    convTranspose1d({ ...single, stride: 2, outputPadding: 1, padding: "causal" }),
  ).toThrow('convTranspose1d: outputPadding with padding "causal": expected 0, got 1');
  expect(() => convTranspose2d({ ...single, padding: [1, 3] })).toThrow(
    "convTranspose2d: padding: expected less than kernelSize (3), got 3",
  );
  expect(() =>
    convTranspose2d({ ...single, padding: [2, 0], bias: false }).apply(
      { weight: np.zeros([3, 3, 1, 1]) },
      np.zeros([1, 2, 1, 1]),
    ),
  ).toThrow("convTranspose2d: expected at least 3 x 1 pixels, got 2 x 1");
  expect(() => linear({ inFeatures: 0, outFeatures: 1 })).toThrow("linear: inFeatures");
  expect(() => residual([])).toThrow("residual: expected a list of at least one layer, got []");
  expect(() => layerFromConfig({ type: "dense" })).toThrow(
    "layer type: expected one of avgPool, batchNorm, conv1d, conv2d,",
  );

  const params = { weight: np.zeros([3, 3, 2, 1]) };
  const conv = conv2d({ inChannels: 2, outChannels: 1, bias: false });
  expect(() => conv.apply(params, np.zeros([1, 4, 4, 3]))).toThrow(
    "conv2d: input: expected images [B, H, W, 2], got [1, 4, 4, 3]",
  );
  expect(() => maxPool().apply({}, np.zeros([1, 3, 4, 1]))).toThrow(
    "multiples of window (2), got [3, 4]",
  );
  expect(() => maxPool().apply({}, np.zeros([1, 5, 1]))).toThrow(
    "maxPool: length: expected multiples of window (2), got [5]. With a stride, what fills no",
  );
  expect(() => avgPool({ window: [2, 3] }).apply({}, np.zeros([1, 3, 6, 1]))).toThrow(
    "avgPool: image sides: expected multiples of window (2 x 3), got [3, 6]",
  );
  expect(() => avgPool({ window: [2, 3] }).apply({}, np.zeros([1, 6, 1]))).toThrow(
    "avgPool: window for series [B, T, C]: expected a number, got [2, 3]",
  );
  expect(() => maxPool({ window: 3, stride: 1 }).apply({}, np.zeros([1, 2, 4, 1]))).toThrow(
    "maxPool: expected at least 3 x 3 pixels, got 2 x 4",
  );
  expect(() => groupNorm({ groups: 4, channels: 6 })).toThrow(
    "groupNorm: groups: expected a divisor of channels (6), got 4",
  );
  expect(() => groupNorm({ groups: 1, channels: 2 }).apply({} as never, np.zeros([2]))).toThrow(
    "groupNorm: input: expected [B, ..., 2], got [2]",
  );
  expect(() => snake({ channels: 2 }).apply({ alpha: np.ones([2]) }, np.zeros([2, 3]))).toThrow(
    "snake: input: expected [..., 2], got [2, 3]",
  );
  expect(() => spaceToDepth({ block: 4 }).apply({}, np.zeros([4, 4]))).toThrow(
    "images [B, H, W, C], got [4, 4]",
  );
  expect(() => depthToSpace({ block: 2 }).apply({}, np.zeros([1, 2, 2, 6]))).toThrow(
    "a multiple of block ** 2 (4), got 6",
  );
});

test.each<[string, object, string]>([
  ["a stride", { stride: 2 }, "conv2d: stride with upsample: expected 1, got 2"],
  ["a dilation", { dilation: [1, 2] }, "conv2d: dilation with upsample: expected 1, got [1, 2]"],
  ["groups", { groups: 2 }, "conv2d: groups with upsample: expected 1, got 2"],
  ["an oblong", { kernelSize: [3, 5] }, "kernelSize with upsample: expected a square, got [3, 5]"],
  ["padding", { padding: 1 }, 'conv2d: padding with upsample: expected "same", got 1'],
])("an enlarging conv2d refuses %s", (_name, options, message) => {
  const make = () => conv2d({ inChannels: 2, outChannels: 2, upsample: 2, ...options });
  expect(make).toThrow(message);
  expect(make).toThrow("Put an upsample layer in front");
});
