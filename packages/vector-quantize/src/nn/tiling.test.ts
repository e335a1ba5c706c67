import { numpy as np, random, tree } from "@jax-js/jax";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { ArrayTree } from "../tree.ts";
import { gelu, relu, silu } from "./activations.ts";
import { audioAutoencoder } from "./audioAutoencoder.ts";
import { avgPool } from "./avgPool.ts";
import { batchNorm } from "./batchNorm.ts";
import { conv1d } from "./conv1d.ts";
import { conv2d } from "./conv2d.ts";
import { convTranspose2d } from "./convTranspose2d.ts";
import { groupNorm } from "./groupNorm.ts";
import type { Layer } from "./layer.ts";
import { layerNorm } from "./layerNorm.ts";
import { linear } from "./linear.ts";
import { maxPool } from "./maxPool.ts";
import { residual } from "./residual.ts";
import { layerRunner } from "./runLayers.ts";
import { snake } from "./snake.ts";
import { depthToSpace, spaceToDepth } from "./spaceToDepth.ts";
import { type TileAlong, type Tiling, tilingOf } from "./tiling.ts";
import { upsample } from "./upsample.ts";

interface Image {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** Rows and columns of an image. */
function cut({ shape, data }: Image, [top, bottom]: number[], [left, right]: number[]): Image {
  const [, , width, channels] = shape as [number, number, number, number];
  const shapeOf = [1, bottom! - top!, right! - left!, channels] as const;
  const part = new Float32Array(shapeOf[1] * shapeOf[2] * channels);
  for (let y = top!; y < bottom!; y++) {
    const row = data.subarray((y * width + left!) * channels, (y * width + right!) * channels);
    part.set(row, (y - top!) * row.length);
  }
  return { shape: shapeOf, data: part };
}

const bytesOf = (data: Float32Array) => new Uint8Array(data.buffer);
const side = ({ from, to }: { from: number; to: number }) => [from, to];
const kept = ({ output, skip }: TileAlong) => [skip, skip + output.to - output.from];

/** Whether every tile of a random image has the whole's outputs, to the bit. How many tiles there were. */
async function crossTiles(layers: Layer[], height: number, width: number, most: number) {
  const tiling = tilingOf(layers) as Tiling;
  const run = layerRunner(layers);
  const params: ArrayTree[] = layers.map((layer, i) => layer.init(random.key(i)));
  const states = layers.map((layer) => layer.initState?.() ?? {});
  const through = async ({ shape, data }: Image): Promise<Image> => {
    const y = await run(
      tree.ref(params as never),
      np.array(data, { shape: [...shape] }),
      tree.ref(states as never),
    );
    const { shape: outShape } = y;
    return { shape: outShape, data: (await y.data()) as Float32Array<ArrayBuffer> };
  };
  const channels = 8;
  const random32 = Float32Array.from({ length: height * width * channels }, (_, i) =>
    Math.fround(
      Math.sin(i * 12.9898) * 43758.5453 - Math.floor(Math.sin(i * 12.9898) * 43758.5453),
    ),
  );
  const image = { shape: [1, height, width, channels], data: random32 };
  const whole = await through(image);
  expect(whole.shape.slice(1, 3)).toEqual(
    [height, width].map((length, at) => (length / tiling.down[at]!) * tiling.up[at]!),
  );
  let tiles = 0;
  for (const y of tiling.along(0, height, most)) {
    for (const x of tiling.along(1, width, most)) {
      const tile = await through(cut(image, side(y.input), side(x.input)));
      const made = cut(tile, kept(y), kept(x));
      const wanted = cut(whole, side(y.output), side(x.output));
      expect(made.shape).toEqual(wanted.shape);
      const same = Buffer.compare(bytesOf(made.data), bytesOf(wanted.data)) === 0;
      expect({ y, x, same }).toEqual({ y, x, same: true });
      tiles++;
    }
  }
  tree.dispose([params, states] as never);
  return tiles;
}

const c8 = { inChannels: 8, outChannels: 8 };
const chains: Record<string, Layer[]> = {
  "an encoder by patches": [
    spaceToDepth({ block: 2 }),
    linear({ inFeatures: 32, outFeatures: 16 }),
    residual([relu(), conv2d({ inChannels: 16, outChannels: 16 }), relu()]),
    residual([silu(), conv2d({ inChannels: 16, outChannels: 16 })]),
    layerNorm({ features: 16 }),
  ],
  "strided convolutions": [
    conv2d({ ...c8, kernelSize: 4, stride: 2, padding: 1 }),
    batchNorm({ channels: 8 }),
    conv2d({ ...c8, stride: 2 }),
    residual([gelu(), conv2d({ ...c8, dilation: 2 }), snake({ channels: 8 }), conv2d(c8)]),
  ],
  "pools, and axes apart": [
    conv2d({ ...c8, kernelSize: [3, 5] }),
    maxPool({ window: [2, 1] }),
    conv2d({ ...c8, kernelSize: 5, groups: 2 }),
    avgPool({ window: 2, stride: 2 }),
  ],
  "a decoder": [
    conv2d(c8),
    depthToSpace({ block: 2 }),
    conv2d({ inChannels: 2, outChannels: 8, upsample: 2 }),
    conv2d({ ...c8, kernelSize: 5, upsample: 3 }),
  ],
  "transposed convolutions": [
    residual([relu(), conv2d(c8)]),
    convTranspose2d({ ...c8, kernelSize: 4, stride: 2, padding: 1 }),
    upsample({ factor: 2 }),
    convTranspose2d({ ...c8, padding: 1 }),
    convTranspose2d({ ...c8, kernelSize: 3, stride: 2, padding: 1, outputPadding: 1 }),
  ],
  "causal convolutions": [
    conv2d({ ...c8, padding: "causal" }),
    conv2d({ ...c8, kernelSize: [4, 3], stride: 2, padding: "causal" }),
  ],
  "their way back": [
    convTranspose2d({ ...c8, kernelSize: [4, 3], stride: 2, padding: "causal" }),
    conv2d({ ...c8, padding: "causal" }),
  ],
  "down and up": [
    conv2d({ ...c8, stride: 3 }),
    conv2d({ ...c8, upsample: 2 }),
    residual([spaceToDepth({ block: 2 }), depthToSpace({ block: 2 }), conv2d(c8)]),
  ],
};

test.each(Object.entries(chains))("tiles of %s are the whole's, to the bit", async (_, layers) => {
  const { down } = tilingOf(layers) as Tiling;
  const lengths = (at: 0 | 1) => fc.integer({ min: 9, max: 30 }).map((n) => n * down[at]!);
  await fc.assert(
    fc.asyncProperty(
      lengths(0),
      lengths(1),
      fc.integer({ min: 12, max: 60 }),
      async (h, w, most) => {
        await crossTiles(layers, h, w, most);
      },
    ),
    { numRuns: 4 },
  );
  expect(await crossTiles(layers, 24 * down[0], 47 * down[1], 20)).toBeGreaterThan(1);
});

test.each([true, false])(
  "pieces of sounds are the whole's, to the bit; causal: %s",
  async (causal) => {
    const options = { strides: [2, 3], width: 8, dilations: [1, 3], codeDim: 8, numQuantizers: 1 };
    const { layers } = audioAutoencoder({ ...options, causal });
    for (const [side, channels, most] of [
      ["encoder", 1, 150],
      ["decoder", 8, 40],
    ] as const) {
      const tiling = tilingOf(layers[side]) as Tiling;
      const run = layerRunner(layers[side]);
      const params: ArrayTree[] = layers[side].map((layer, i) => layer.init(random.key(i)));
      const length = (side === "encoder" ? 1000 : 200) * tiling.down[0];
      const x = random.uniform(random.key(0), [1, length, channels]);
      const through = async (x: np.Array) =>
        (await (await run(tree.ref(params as never), x)).data()) as Float32Array<ArrayBuffer>;
      const whole = await through(x.ref);
      const wide = side === "encoder" ? 8 : 1;
      const tiles = tiling.along(0, length, most);
      expect(tiles.length).toBeGreaterThan(3);
      for (const { input, output, skip } of tiles) {
        const made = await through(x.ref.slice([], [input.from, input.to]));
        const kept = made.slice(skip * wide, (skip + output.to - output.from) * wide);
        expect(
          Buffer.compare(bytesOf(kept), bytesOf(whole.slice(output.from * wide, output.to * wide))),
        ).toBe(0);
      }
      tree.dispose([params, x] as never);
    }
  },
);

test("sides are multiples of what is whole in between, too", () => {
  const layers = [conv2d({ ...c8, stride: 2 }), conv2d({ ...c8, upsample: 2 })];
  const tiling = tilingOf(layers) as Tiling;
  expect(tiling).toMatchObject({ down: [2, 2], up: [2, 2] });
  expect(() => tiling.along(0, 9, 4)).toThrow("a multiple of 2");
});

test("tiles see no more than they must", () => {
  const tiling = tilingOf(chains["an encoder by patches"] as Layer[]) as Tiling;
  expect(tiling).toMatchObject({ down: [2, 2], up: [1, 1], whole: false });
  const [, second] = tiling.along(1, 1000, 100);
  // Two convolutions, four by four: each sees four patches more on every side.
  expect(second).toEqual({
    input: { from: 88, to: 224 },
    output: { from: 52, to: 104 },
    skip: 8,
  });
});

test("layers that see everything have one tile; those that don't say how far have none", () => {
  const norm = groupNorm({ groups: 2, channels: 8 });
  const tiling = tilingOf([conv2d({ ...c8, stride: 2 }), residual([norm, relu()])]) as Tiling;
  expect(tiling).toMatchObject({ down: [2, 2], whole: true });
  expect(tiling.along(0, 1000, 10)).toHaveLength(1);
  for (const layer of [
    conv1d({ ...c8, padding: "valid" }),
    conv2d({ ...c8, padding: "valid" }),
    convTranspose2d({ ...c8, stride: 2 }),
    residual([{ ...relu(), reach: undefined as never }]),
  ]) {
    expect(tilingOf([layer])).toBeUndefined();
  }
  expect(() => tilingOf([conv2d({ ...c8, stride: 2 })])?.along(0, 7, 4)).toThrow(
    "tiling: length: expected a multiple of 2, got 7",
  );
});
