import { numpy as np, random, tree } from "@jax-js/jax";
import { expect, it } from "vitest";
import { numbers } from "../../../../test/support/arrays.ts";
import { holdsContract } from "../../../../test/support/contract.ts";
import { createCodec } from "../codec/createCodec.ts";
import { fsq } from "./fsq.ts";
import { residualFSQ } from "./residualFSQ.ts";
import { residualVQ } from "./residualVQ.ts";
import { summedQuantizer } from "./summedQuantizer.ts";

const parts = (layout: "channelLast" | "image" = "channelLast") =>
  [
    residualVQ({ dim: 4, codebookDim: 3, codebookSize: 8, numQuantizers: 1, layout }),
    residualVQ({ dim: 4, codebookDim: 3, codebookSize: [8, 5], layout }),
  ] as const;
const make = (layout?: "image") => summedQuantizer({ quantizers: parts(layout) });

holdsContract([
  { name: "two quantizers", make, shape: [3, 5, 4], lossShape: [3], codesOf: "layers of each" },
] as never);

it("adds up what its quantizers make of the input, and takes fewer columns", async () => {
  const [one, other] = parts();
  const quantizer = make();
  const variables = quantizer.init(random.key(0));
  const own = (at: number) =>
    tree.ref({ params: variables.params.parts[at], state: variables.state.parts[at] }) as never;
  const x = random.normal(random.key(1), [7, 4]);
  const codes = [await one.encode(own(0), x.ref), await other.encode(own(1), x.ref)];
  const whole = await numbers(
    one.decode(own(0), codes[0]!.ref).add(other.decode(own(1), codes[1]!.ref)),
  );
  const indices = await quantizer.encode(tree.ref(variables), x);
  expect(await numbers(indices.ref)).toEqual(await numbers(np.concatenate(codes, -1)));
  expect(await numbers(quantizer.decode(tree.ref(variables), indices.ref))).toEqual(whole);
  const coarse = quantizer.decode(tree.ref(variables), indices.ref.slice([], [0, 1]));
  const alone = one.decode(own(0), indices.slice([], [0, 1]));
  expect(await numbers(coarse)).toEqual(await numbers(alone));
  tree.dispose(variables);
});

it("takes images, and gives no codes of two sizes", async () => {
  const images = make("image");
  const codes = await images.encode(images.init(random.key(0)), np.ones([2, 4, 3, 5]));
  expect(codes.shape).toEqual([2, 3, 5, 3]);
  expect(images.decode(images.init(random.key(0)), codes).shape).toEqual([2, 4, 3, 5]);
  const [first] = parts();
  const wide = residualVQ({ dim: 4, codebookSize: 8, numQuantizers: 1 });
  const mixed = summedQuantizer({ quantizers: [first, wide] });
  const indices = np.zeros([5, 2], { dtype: np.int32 });
  expect(() => mixed.codes(mixed.init(random.key(0)), indices)).toThrow(
    "summedQuantizer.codes: expected codes of one feature size",
  );
});

it("makes a codec", async () => {
  const quantizer = make();
  const codec = createCodec(quantizer, quantizer.init(random.key(0)));
  const codes = await codec.encode(new Float32Array(12).fill(0.3), { shape: [3, 4] });
  expect(codes.shape).toEqual([3, 3]);
  codec.dispose();
});

it.each([
  [[], "summedQuantizer: quantizers: expected at least one, got 0"],
  [[fsq({ levels: [4, 4] })], "quantizers[0]: expected a residual quantizer"],
  [
    [parts()[0], residualFSQ({ levels: [3, 3], numQuantizers: 1 })],
    "quantizers[1]: dim: expected 4, as the first, got 2",
  ],
  [[parts()[0], parts("image")[1]], 'layout: expected channelLast, as the first, got "image"'],
  [
    [residualVQ({ dim: 4, codebookSize: 8, numQuantizers: 1, maskedOutput: "input" })],
    "expected zeros for masked positions",
  ],
])("refuses what does not fit together", (quantizers, message) => {
  expect(() => summedQuantizer({ quantizers } as never)).toThrow(message);
});
