import { random } from "@jax-js/jax";
import { expect, test } from "vitest";
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

test("refuses what does not fit together", () => {
  const quantizer = vectorQuantize({ dim: 16, codebookSize: 4 });
  expect(() => imageAutoencoder({ quantizer })).toThrow(
    "imageAutoencoder: quantizer.dim: expected codeDim (8), got 16",
  );
  expect(() => imageAutoencoder({ patch: 0 })).toThrow("imageAutoencoder: patch");
  expect(() => imageAutoencoder({ size: 32 } as never)).toThrow('option "size"');
});
