import { devicePut, init, random, tree } from "@jax-js/jax";
import { expect, it } from "vitest";
import { expectDisposed } from "../../../../../test/leak.ts";
import { vectorQuantize } from "../vectorQuantize.ts";

it("refuses arrays of two devices, and says how to move them", async () => {
  await init("cpu");
  const quantizer = vectorQuantize({ dim: 4, codebookSize: 8 });
  const variables = quantizer.init(random.key(0));
  const far = () => devicePut(random.normal(random.key(1), [6, 4]), "cpu");
  const x = await far();
  expect(() => quantizer.apply(tree.ref(variables), x)).toThrow(
    /^vectorQuantize\.apply: device of x: expected wasm, that of variables\..*, got "cpu"\. .*devicePut\(array, "wasm"\)$/,
  );
  expectDisposed(x);
  await expect(quantizer.encode(tree.ref(variables), await far())).rejects.toThrow(
    "vectorQuantize.encode: device of x: expected wasm",
  );
  const near = await quantizer.encode(variables, random.normal(random.key(1), [6, 4]));
  expect(near.shape).toEqual([6]);
  near.dispose();
});
