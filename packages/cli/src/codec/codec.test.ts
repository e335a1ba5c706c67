import { numpy as np, random, tree } from "@jax-js/jax";
import { type Quantizer, residualVQ } from "vector-quantize";
import { shapeImages } from "vector-quantize/data";
import { imageAutoencoder } from "vector-quantize/nn";
import { expect, test } from "vitest";
import { type Codec, decodeCodes, encodeImages } from "./codec.ts";
import { evaluate } from "./evaluate.ts";

const images = shapeImages({ count: 3, size: 8 });

function codec(quantizer?: Quantizer): Codec {
  const options = { patch: 4, width: 8, depth: 0, codeDim: 4, codebookSize: 8 };
  const model = imageAutoencoder({ ...options, ...(quantizer && { quantizer }) });
  return { model, variables: model.init(random.key(0)) };
}

test("residual layers are measured too", async () => {
  const residual = codec(residualVQ({ dim: 4, numQuantizers: 2, codebookSize: 8 }));
  const { codes, losses, images: count, psnr } = await evaluate(residual, images);
  expect(codes.shape).toEqual([3, 2, 2, 2]);
  expect(count).toBe(3);
  expect(losses.commitment).toBeGreaterThan(0);
  expect(psnr).toBeGreaterThan(0);
  tree.dispose(residual.variables as never);
});

test("weights so large that nothing is finite are an error, not codes and not pictures", async () => {
  const sound = codec();
  const codes = await encodeImages(sound, images);
  const decoded = async (by: Codec) => {
    for await (const batch of decodeCodes(by, codes)) expect(batch.count).toBe(3);
  };
  await decoded(sound);
  const large = {
    ...sound,
    variables: {
      ...sound.variables,
      params: tree.map(
        (array: np.Array) => np.fullLike(array.ref, 3e38),
        sound.variables.params as never,
      ),
    },
  } as Codec;
  await expect(encodeImages(large, images)).rejects.toThrow(
    "image 0: expected a code for each of its vectors, got vectors that are not finite",
  );
  await expect(decoded(large)).rejects.toThrow(
    /^image 0: expected finite pixels, got (NaN|Infinity)/,
  );
  tree.dispose([large.variables.params, sound.variables] as never);
});
