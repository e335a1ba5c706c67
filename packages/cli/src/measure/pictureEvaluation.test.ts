import { numpy as np, random, tree } from "@jax-js/jax";
import { type Quantizer, residualVQ } from "vector-quantize";
import { shapeImages } from "vector-quantize/data";
import { imageAutoencoder } from "vector-quantize/nn";
import { expect, test } from "vitest";
import type { PictureModel } from "../codec/modelFile.ts";
import { createPictureCodec } from "../codec/pictures.ts";
import { eachOf } from "../input/pictureSet.ts";
import { evaluate, evaluateFully } from "./pictureEvaluation.ts";

const images = shapeImages({ count: 3, size: 8 });
const pictures = eachOf(images);

function modelOf(quantizer?: Quantizer): PictureModel {
  const options = { patch: 4, width: 8, depth: 0, codeDim: 4, codebookSize: 8 };
  const model = imageAutoencoder({ ...options, ...(quantizer && { quantizer }) });
  return { model, variables: model.init(random.key(0)), images, patch: 4, path: "model" };
}

test("residual layers are measured too, and what is made is what the codec makes", async () => {
  const model = modelOf(residualVQ({ dim: 4, numQuantizers: 2, codebookSize: 8 }));
  const codec = createPictureCodec(model);
  const wanted = await codec.decode(await codec.encode(pictures));
  let [at, squares] = [0, 0];
  const { losses, counts, ...numbers } = await evaluate(model, pictures, ({ original, made }) => {
    expect(made).toEqual(wanted[at++]);
    made.pixels.forEach((value, i) => {
      squares += (value - (original.pixels[i] as number)) ** 2;
    });
  });
  expect(at).toBe(3);
  expect(counts.length).toBe(16);
  expect(losses.commitment).toBeGreaterThan(0);
  const psnr = 10 * Math.log10(255 ** 2 / (squares / images.pixels.length));
  expect(numbers).toMatchObject({ images: 3, pixels: 192, packedBitsPerPixel: 6 / 16 });
  expect(numbers.psnr).toBeCloseTo(psnr, 6);
  const full = await evaluateFully(model, pictures);
  expect(full).toMatchObject({ ...numbers, losses });
  expect(full.bitsPerPixel).toBe((8 * full.bytes) / 192);
  tree.dispose(model.variables as never);
});

test("weights so large that nothing is finite are an error, not codes and not pictures", async () => {
  const sound = modelOf();
  const codes = await createPictureCodec(sound).encode(pictures);
  const large = {
    ...sound,
    variables: {
      ...sound.variables,
      params: tree.map(
        (array: np.Array) => np.fullLike(array.ref, 3e38),
        sound.variables.params as never,
      ),
    },
  } as PictureModel;
  await expect(createPictureCodec(large).encode(pictures)).rejects.toThrow(
    "picture 0: expected a code for each of its vectors, got vectors that are not finite",
  );
  await expect(createPictureCodec(large).decode(codes)).rejects.toThrow(
    /^picture 0: expected finite pixels, got (NaN|Infinity)/,
  );
  tree.dispose([large.variables.params, sound.variables] as never);
});
