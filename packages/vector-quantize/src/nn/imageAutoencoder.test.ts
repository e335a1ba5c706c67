import { random, tree } from "@jax-js/jax";
import { expect, test } from "vitest";
import { binaryMapper } from "../quantizers/binaryMapper.ts";
import { hierarchicalVQ } from "../quantizers/hierarchicalVQ.ts";
import { randomProjectionQuantizer } from "../quantizers/randomProjectionQuantizer.ts";
import { vectorQuantize } from "../quantizers/vectorQuantize.ts";
import { imageAutoencoder } from "./imageAutoencoder.ts";
import { modelFromConfig } from "./registry.ts";

test.each([
  [{}, [2, 8, 12, 3], [2, 4, 6]],
  [
    { channels: 1, patch: 4, width: 8, depth: 2, codeDim: 4, codebookSize: 16 },
    [2, 8, 8, 1],
    [2, 2, 2],
  ],
  [{ depth: 0, quantizer: vectorQuantize({ dim: 8, codebookSize: 4 }) }, [1, 2, 2, 3], [1, 1, 1]],
])("%o codes images patch by patch", (options, shape, codes) => {
  const model = imageAutoencoder(options);
  const { output, quantized } = model.apply(
    model.init(random.key(0)),
    random.normal(random.key(1), shape),
  );
  expect(output.shape).toEqual(shape);
  expect(quantized.indices.shape).toEqual(codes);
  expect(modelFromConfig(JSON.parse(JSON.stringify(model.config))).config).toEqual(model.config);
});

test("passes gradients straight through unless another quantizer is given", () => {
  expect(imageAutoencoder().quantizer.config.gradient).toBe("straightThrough");
});

test.each([
  [vectorQuantize({ dim: 4, codebookSize: 8, layout: "image" }), [2, 2, 2]],
  [hierarchicalVQ({ dim: 4, codebookSize: 8, scales: [1, 2] }), [2, 5]],
  [binaryMapper({ bits: 4 }), [2, 2, 2]],
  [randomProjectionQuantizer({ dim: 4, codebookSize: 8, codebookDim: 3 }), [2, 2, 2]],
])("takes quantizers with features elsewhere, and others out than in", async (quantizer, codes) => {
  const model = imageAutoencoder({ depth: 0, width: 8, codeDim: 4, quantizer });
  const variables = model.init(random.key(0));
  const x = random.normal(random.key(1), [2, 4, 4, 3]);
  const options = { training: true, key: random.key(2) };
  const { output } = model.apply(tree.ref(variables), x.ref, options);
  expect(output.shape).toEqual([2, 4, 4, 3]);
  const indices = await model.encode(tree.ref(variables), x);
  expect(indices.shape).toEqual(codes);
  expect((await model.decode(variables, indices)).shape).toEqual([2, 4, 4, 3]);
});

test("refuses what does not fit together", () => {
  const quantizer = vectorQuantize({ dim: 16, codebookSize: 4 });
  expect(() => imageAutoencoder({ quantizer })).toThrow(
    "imageAutoencoder: quantizer.dim: expected codeDim (8), got 16",
  );
  expect(() => imageAutoencoder({ patch: 0 })).toThrow("imageAutoencoder: patch");
  expect(() => imageAutoencoder({ size: 32 } as never)).toThrow('option "size"');
});
