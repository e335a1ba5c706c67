import { random, tree } from "@jax-js/jax";
import { identity, type Quantizer, residualVQ, vectorQuantize } from "vector-quantize";
import { imageAutoencoder } from "vector-quantize/nn";
import { expect, test } from "vitest";
import { codebookPatches } from "./codebookPatches.ts";
import type { PictureModel } from "./modelFile.ts";
import { createPictureCodec } from "./pictures.ts";

function modelOf(quantizer: Quantizer): PictureModel {
  const model = imageAutoencoder({ patch: 2, width: 4, depth: 0, codeDim: 4, quantizer });
  const images = { height: 8, width: 8, channels: 3 };
  return { model, variables: model.init(random.key(1)), images, patch: 2, path: "model" };
}

test.each([
  ["a codebook", vectorQuantize({ dim: 4, codebookSize: 6 }), (code: number) => [code]],
  [
    "the first of several layers",
    residualVQ({ dim: 4, numQuantizers: 2, codebookSize: 6 }),
    (code: number) => [code, -1],
  ],
])("codes of %s are decoded in a field of their kind, the most used first", async (...row) => {
  const [, quantizer, position] = row;
  const model = modelOf(quantizer);
  const found = await codebookPatches(model, [0, 3, 0, 9, 3, 1]);
  expect(found).toMatchObject({ codes: [3, 1, 4, 5, 0, 2], size: 6, patch: 2, channels: 3 });
  const codes = Int32Array.from(Array.from({ length: 25 }, () => position(4)).flat());
  const [field] = await createPictureCodec(model).decode([{ shape: [5, 5], codes }]);
  const middle = [4, 5].flatMap((row) =>
    [...field!.pixels.subarray((row * 10 + 4) * 3)].slice(0, 6),
  );
  expect([...found!.patches[2]!]).toEqual(middle);
  expect(new Set(found!.patches.map(String)).size).toBe(6);
  tree.dispose(model.variables as never);
});

test("what has no codes has no patches", async () => {
  const model = modelOf(identity({ dim: 4 }));
  expect(await codebookPatches(model, [1])).toBe(undefined);
  tree.dispose(model.variables as never);
});
