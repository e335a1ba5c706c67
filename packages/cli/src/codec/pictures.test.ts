import { random, tree } from "@jax-js/jax";
import { lfq, residualVQ } from "vector-quantize";
import {
  conv2d,
  groupNorm,
  imageAutoencoder,
  type Model,
  relu,
  sequential,
} from "vector-quantize/nn";
import { expect, test } from "vitest";
import type { ModelFile } from "./modelFile.ts";
import { createPictureCodec, type NamedPicture } from "./pictures.ts";

const file = (model: Model): ModelFile => ({
  model,
  variables: model.init(random.key(3)),
  images: { height: 32, width: 32, channels: 3 },
  ...{ patch: 4, details: {}, path: "model", bytes: 0 },
});

function picture(height: number, width: number, seed = 1): NamedPicture {
  const pixels = Uint8Array.from({ length: height * width * 3 }, (_, i) => (i * i * seed) >> 5);
  return { height, width, channels: 3, pixels };
}

const same = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Buffer.compare(Buffer.from(Int32Array.from(a).buffer), Buffer.from(Int32Array.from(b).buffer)) ===
  0;

const tokenizer = () =>
  imageAutoencoder({
    ...{ patch: 4, width: 16, depth: 2, codeDim: 4 },
    quantizer: residualVQ({ dim: 4, numQuantizers: 2, codebookSize: 16 }),
  });

test.each([
  [515, 530],
  [7, 1203],
  [1100, 13],
])("codes and pixels of %d x %d in tiles are those of the whole", async (height, width) => {
  const model = file(tokenizer());
  const codec = createPictureCodec(model);
  const large = picture(height, width);
  const [coded] = await codec.encode([large]);
  expect(coded).toMatchObject({ shape: [Math.ceil(height / 4), Math.ceil(width / 4)] });
  const [decoded] = await codec.decode([coded!]);
  expect(decoded).toMatchObject({ height, width, channels: 3 });
  // The whole: the same layers, which don't tell how far they see.
  const { layers } = model.model;
  const blind = {
    ...model.model,
    layers: { ...layers, encoder: [{ ...layers.encoder[0]!, reach: undefined as never }] },
  };
  Object.assign(blind.layers, { decoder: blind.layers.encoder });
  const whole = createPictureCodec({ ...model, model: blind });
  const [wanted] = await whole.encode([large]);
  expect(wanted!.shape).toEqual(coded!.shape);
  expect(same(wanted!.codes, coded!.codes)).toBe(true);
  const [pixels] = await whole.decode([coded!]);
  expect(same(pixels!.pixels, decoded!.pixels)).toBe(true);
  tree.dispose(model.variables as never);
});

test("pictures together are what each is alone", async () => {
  const model = file(
    imageAutoencoder({ patch: 4, width: 8, codeDim: 4, quantizer: lfq({ dim: 4 }) }),
  );
  const codec = createPictureCodec(model);
  const pictures = [1, 2, 3].map((seed) => ({ ...picture(10, 23, seed), name: `${seed}.png` }));
  const coded = await codec.encode(pictures);
  const decoded = await codec.decode(coded);
  for (const [i, each] of pictures.entries()) {
    expect(await codec.encode([each])).toEqual([coded[i]]);
    expect(await codec.decode([coded[i]!])).toEqual([decoded[i]]);
    expect(decoded[i]).toMatchObject({ name: each.name, height: 10, width: 23 });
  }
  tree.dispose(model.variables as never);
});

test("the padding repeats the last row and column", async () => {
  const model = file(tokenizer());
  const codec = createPictureCodec(model);
  const odd = picture(5, 6);
  const full = new Uint8Array(8 * 8 * 3);
  for (let y = 0; y < 8; y++) {
    for (let x = 0; x < 8; x++) {
      const from = (Math.min(y, 4) * 6 + Math.min(x, 5)) * 3;
      full.set((odd.pixels as Uint8Array).subarray(from, from + 3), (y * 8 + x) * 3);
    }
  }
  const [padded] = await codec.encode([{ ...odd, height: 8, width: 8, pixels: full }]);
  expect((await codec.encode([odd]))[0]!.codes).toEqual(padded!.codes);
  tree.dispose(model.variables as never);
});

test("a model that sees everything takes pictures whole, up to a bound", async () => {
  const channels = { inChannels: 3, outChannels: 4 };
  const model = file(
    sequential([
      conv2d({ ...channels, stride: 2 }),
      groupNorm({ groups: 1, channels: 4 }),
      lfq({ dim: 4 }),
      relu(),
      conv2d({ inChannels: 4, outChannels: 3, upsample: 2 }),
    ]),
  );
  const codec = createPictureCodec(model);
  const [coded] = await codec.encode([picture(601, 300)]);
  expect(coded!.shape).toEqual([301, 150]);
  expect((await codec.decode([coded!]))[0]).toMatchObject({ height: 601, width: 300 });
  await expect(codec.encode([picture(2050, 2050)])).rejects.toThrow(
    "model: expected pictures of at most 4194304 pixels, for its layers can't take them in tiles, got 4202500",
  );
  tree.dispose(model.variables as never);
});
