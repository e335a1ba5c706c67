import { numpy as np, random, tree } from "@jax-js/jax";
import { describe, expect, test } from "vitest";
import { leakedBytes } from "../../../../test/leak.ts";
import type { Quantizer, Variables } from "./contract.ts";
import { fsq } from "./fsq.ts";
import { lfq } from "./lfq.ts";
import { residualSimVQ } from "./residualSimVQ.ts";
import { residualVQ } from "./residualVQ.ts";
import { simVQ } from "./simVQ.ts";
import { vectorQuantize } from "./vectorQuantize.ts";

const vq = { dim: 6, codebookSize: 12 };
const rows: [string, () => Quantizer, number[]][] = [
  ["euclidean", () => vectorQuantize(vq), [3, 50, 6]],
  ["cosine", () => vectorQuantize({ ...vq, metric: "cosine" }), [3, 50, 6]],
  [
    "projected, image",
    () => vectorQuantize({ ...vq, codebookDim: 3, layout: "image" }),
    [2, 6, 5, 9],
  ],
  ["affine", () => vectorQuantize({ ...vq, affineParam: true }), [3, 50, 6]],
  ["simVQ", () => simVQ(vq), [3, 50, 6]],
  ["residualVQ", () => residualVQ({ ...vq, numQuantizers: 3 }) as Quantizer, [3, 50, 6]],
  [
    "residualVQ, projected",
    () => residualVQ({ ...vq, numQuantizers: 2, codebookDim: 4 }) as Quantizer,
    [90, 6],
  ],
  ["residualSimVQ", () => residualSimVQ({ ...vq, numQuantizers: 2 }) as Quantizer, [90, 6]],
  ["fsq", () => fsq({ levels: [8, 5, 5] }), [3, 50, 3]],
  [
    "fsq, projected, symmetric",
    () => fsq({ levels: [5, 4], dim: 6, preserveSymmetry: true }),
    [90, 6],
  ],
  [
    "fsq, rotated, clamped, image",
    () => fsq({ levels: [4, 4], orthogonalRotation: true, boundHardClamp: true, layout: "image" }),
    [2, 2, 5, 9],
  ],
  ["lfq", () => lfq({ codebookSize: 32, dim: 6 }), [3, 50, 6]],
  ["lfq, spherical", () => lfq({ codebookSize: 16, spherical: true, codebookScale: 2 }), [90, 4]],
];

describe.each(rows)("comparison of %s", (_, make, shape) => {
  const size = shape.reduce((a, b) => a * b, 1);
  const x = () =>
    np.array(
      Float32Array.from({ length: size }, (_, i) => 1.5 * Math.sin(i * i)),
      { shape },
    );

  test("has encode's codes nearest, layer by layer", async () => {
    const quantizer = make();
    const variables = quantizer.init(random.key(1));
    const own = () => tree.ref(variables as never) as Variables;
    const { vectors, codebooks } = await quantizer.comparison!(own(), x());
    const [rows, dim] = vectors.shape as [number, number];
    const books = await Promise.all(codebooks.map((book) => book.data() as Promise<Float32Array>));
    expect(books.map((book) => book.length / dim)).toEqual(quantizer.codebookSizes);
    const left = Float64Array.from(await vectors.data());
    const indices = await (await quantizer.encode(own(), x())).data();
    expect(indices.length).toBe(rows * books.length);
    for (let at = 0; at < rows; at++) {
      const vector = left.subarray(at * dim, (at + 1) * dim);
      for (const [q, book] of books.entries()) {
        const gaps = Array.from({ length: book.length / dim }, (_, k) =>
          vector.reduce((sum, value, d) => sum + (value - book[k * dim + d]!) ** 2, 0),
        );
        const index = indices[at * books.length + q]!;
        expect(gaps[index]!, `${at}, layer ${q}`).toBeLessThan(Math.min(...gaps) + 1e-6);
        vector.forEach((value, d) => {
          vector[d] = value - book[index * dim + d]!;
        });
      }
    }
    tree.dispose(variables as never);
  });

  test("leaves nothing behind", async () => {
    const quantizer = make();
    const variables = quantizer.init(random.key(1));
    const call = async () => {
      tree.dispose(await quantizer.comparison!(tree.ref(variables as never), x()));
    };
    expect(await leakedBytes(call)).toBe(0);
    tree.dispose(variables as never);
  });
});

test.each<[string, () => Quantizer]>([
  ["several heads", () => vectorQuantize({ ...vq, heads: 2 })],
  ["several codebooks", () => fsq({ levels: [4, 3], numCodebooks: 2 })],
  ["too many codes", () => fsq({ levels: Array(6).fill(8) })],
  [
    "implicit codebooks",
    () => residualVQ({ ...vq, numQuantizers: 2, implicitNeuralCodebook: true }) as Quantizer,
  ],
])("%s have none", (_, make) => {
  expect(make().comparison).toBeUndefined();
});
