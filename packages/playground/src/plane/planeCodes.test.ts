import { random, tree } from "@jax-js/jax";
import { type Quantizer, quantizerFromConfig } from "vector-quantize";
import { expect, it } from "vitest";
import { kinds } from "../scenes/codebook/kinds.ts";
import { planeCodes } from "./planeCodes.ts";

const count = 50;

/** Indices of some points, as the quantizer has them and as the plane shows them. */
async function encoded(quantizer: Quantizer) {
  const variables = quantizer.init(random.key(0));
  const x = random.uniform(random.key(1), [count, 2], { minval: -1, maxval: 1 });
  const indices = await quantizer.encode(tree.ref(variables), x);
  const { shape } = indices;
  const numbers = (await indices.data()) as Int32Array;
  const { read, write, sizes } = planeCodes(quantizer);
  return { variables, shape, numbers, write, sizes, found: read(numbers) };
}

const rows = Object.entries(kinds).flatMap(([type, { options }]) =>
  "numQuantizers" in options
    ? [1, 2].map((numQuantizers) => ({ type, ...options, numQuantizers }))
    : [{ type, ...options }],
);

it.each(rows)("indices of %o are codes of the plane and back", async (config) => {
  const quantizer = quantizerFromConfig(config as never);
  const { variables, shape, numbers, write, sizes, found } = await encoded(quantizer);
  expect(found.layers).toBe(sizes.length);
  expect(found.codes.length).toBe(count * sizes.length);
  for (const [i, code] of found.codes.entries()) {
    expect(code).toBeLessThan(sizes[i % sizes.length] as number);
  }
  const again = write(found);
  expect(again.shape).toEqual(shape);
  expect([...((await again.ref.data()) as Int32Array)]).toEqual([...numbers]);
  const decoded = quantizer.decode(variables, again);
  expect(decoded.shape).toEqual([count, 2]);
  decoded.dispose();
});

it.each([
  { type: "groupedResidualVQ", groups: 2, numQuantizers: 2 },
  { type: "productVQ", parts: 2 },
])("codes of $type stand where those of the axes meet", async (config) => {
  const quantizer = quantizerFromConfig({ ...config, dim: 2, codebookSize: 3 } as never);
  const { variables, write, sizes, found } = await encoded(quantizer);
  expect(sizes).toEqual("numQuantizers" in config ? [9, 9] : [9]);
  const all = Int32Array.from({ length: 9 }, (_, code) => code);
  const places = await quantizer.decode(variables, write({ layers: 1, codes: all })).data();
  for (const code of all) {
    expect(places[2 * code]).toBe(places[2 * (code - (code % 3))]);
    expect(places[2 * code + 1]).toBe(places[2 * (code % 3) + 1]);
  }
  expect(new Set(found.codes).size).toBeGreaterThan(3);
  const none = write({ layers: 1, codes: Int32Array.of(-1) });
  expect([...((await none.data()) as Int32Array)]).toEqual([-1, -1]);
});
