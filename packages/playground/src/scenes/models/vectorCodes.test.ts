import { numpy as np, random, tree } from "@jax-js/jax";
import { groupedResidualVQ } from "vector-quantize";
import { expect, it } from "vitest";
import type { LoadedModel } from "./openFiles.ts";
import { codeVectors, drawnVectors, drawVectors } from "./vectorCodes.ts";

it("tells the codes of groups vector by vector", async () => {
  const quantizer = groupedResidualVQ({ dim: 4, groups: 2, codebookSize: 8, numQuantizers: 3 });
  const variables = quantizer.init(random.key(0));
  const x = np.array(drawVectors(drawnVectors, 4), { shape: [drawnVectors, 4] });
  const indices = await quantizer.encode(tree.ref(variables), x); // [2, N, 3]
  const rows = np.moveaxis(indices, 0, 1).reshape([drawnVectors, 6]);
  const { params, state } = variables;
  const loaded = {
    model: { quantizer },
    variables: { params: { quantizer: params }, state },
  } as unknown as LoadedModel;
  const { codes, layers, used } = await codeVectors(loaded, undefined);
  expect(layers).toBe(6);
  expect([...codes]).toEqual([...((await rows.data()) as Int32Array)]);
  expect(used).toEqual([8, 8, 8, 8, 8, 8]);
});
