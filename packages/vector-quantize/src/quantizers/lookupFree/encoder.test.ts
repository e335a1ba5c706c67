/** The encoders on the kernels, held against the graph. */
import { numpy as np, random, tree } from "@jax-js/jax";
import { describe, expect, it } from "vitest";
import { floatOf, keyOf } from "../../kernels/levels/floatKeys.ts";
import { binaryMapper } from "../binaryMapper.ts";
import type { Quantizer } from "../contract.ts";
import { activations } from "../fsp/distributions.ts";
import { fsp } from "../fsp.ts";
import { fsq } from "../fsq.ts";
import { groupedResidualFSQ } from "../groupedResidualFSQ.ts";
import { groupedResidualLFQ } from "../groupedResidualLFQ.ts";
import { lfq } from "../lfq.ts";
import { residualBounds } from "../residualFSQ/bounds.ts";
import { residualFSQ } from "../residualFSQ.ts";
import { residualLFQ } from "../residualLFQ.ts";
import { thresholdsOf } from "./encoder.ts";

const as = (quantizer: unknown) => quantizer as Quantizer;

const quantizers: Record<string, () => Quantizer> = {
  fsq: () => as(fsq({ levels: [8, 5, 4, 3] })),
  "fsq, symmetric": () => as(fsq({ levels: [8, 2, 4, 3], preserveSymmetry: true })),
  "fsq, clamped": () => as(fsq({ levels: [7, 8], boundHardClamp: true })),
  "fsq, many levels": () => as(fsq({ levels: [1000, 40, 3] })),
  "fsq, projected, rotated, two codebooks": () =>
    as(fsq({ levels: [5, 5, 5], dim: 7, numCodebooks: 2, orthogonalRotation: true })),
  "fsq, images": () => as(fsq({ levels: [8, 5, 5], layout: "image" })),
  "fsq past int32": () => as(fsq({ levels: Array(12).fill(8) })),
  "binary mapper": () => as(binaryMapper({ bits: 5 })),
  lfq: () => as(lfq({ codebookSize: 2 ** 7 })),
  "lfq, all that turns latents": () =>
    as(
      lfq({
        codebookSize: 32,
        dim: 6,
        numCodebooks: 2,
        spherical: true,
        softClampInputValue: 2,
        orthogonalRotation: true,
      }),
    ),
  ...Object.fromEntries(
    activations.map((activation) => [
      `fsp, ${activation}`,
      () => as(fsp({ levels: [2, 5, 8], activation })),
    ]),
  ),
  ...Object.fromEntries(
    residualBounds.flatMap((bounds) => [
      [
        `residualFSQ, ${bounds}`,
        () => as(residualFSQ({ levels: [8, 5, 3, 4], numQuantizers: 4, bounds })),
      ],
      [
        `groupedResidualFSQ, ${bounds}`,
        () =>
          as(
            groupedResidualFSQ({ dim: 6, groups: 2, levels: [5, 4, 3], numQuantizers: 3, bounds }),
          ),
      ],
    ]),
  ),
  "residualFSQ, clamped by hand": () =>
    as(
      residualFSQ({
        levels: [5, 3],
        numQuantizers: 3,
        bounds: "none",
        softClampInputValue: [2, 1.5],
      }),
    ),
  "residualFSQ, bound symmetric": () =>
    as(
      residualFSQ({ levels: [8, 6, 3], numQuantizers: 3, bounds: "bound", preserveSymmetry: true }),
    ),
  "residualFSQ, projected, rotated": () =>
    as(residualFSQ({ levels: [5, 5, 5], dim: 8, numQuantizers: 3, orthogonalRotation: true })),
  "residualFSQ, projected images": () =>
    as(residualFSQ({ levels: [5, 3, 5], dim: 4, numQuantizers: 3, layout: "image" })),
  residualLFQ: () => as(residualLFQ({ dim: 7, codebookSize: 2 ** 7, numQuantizers: 5 })),
  "residualLFQ, clamped": () =>
    as(residualLFQ({ dim: 5, codebookSize: 32, numQuantizers: 3, softClampInputValue: 1.5 })),
  "residualLFQ, spherical, projected": () =>
    as(residualLFQ({ dim: 6, codebookSize: 32, numQuantizers: 3, spherical: true })),
  "residualLFQ, rotated": () =>
    as(residualLFQ({ dim: 5, codebookSize: 32, numQuantizers: 3, orthogonalRotation: true })),
  groupedResidualLFQ: () =>
    as(groupedResidualLFQ({ dim: 8, groups: 2, codebookSize: 16, numQuantizers: 3 })),
};

describe.each(Object.entries(quantizers))("%s", (_, make) => {
  const quantizer = make();
  const shapeOf = (rows: number) =>
    quantizer.config.layout === "image" ? [rows / 4, quantizer.dim, 2, 2] : [rows, quantizer.dim];
  const start = () => quantizer.init(random.key(0));

  const agrees = async (x: np.Array) => {
    const { indices, ...rest } = quantizer.apply(start(), x.ref);
    tree.dispose(rest as never);
    const wanted = (await indices.data()) as Int32Array;
    const found = await quantizer.encode(start(), x);
    expect(found.shape).toEqual(indices.shape);
    const got = await found.data();
    expect(wanted.filter((index, at) => index !== got[at]).length).toBe(0);
  };

  it("finds the indices of the graph", async () => {
    for (const scale of [0.3, 1, 5]) {
      await agrees(random.normal(random.key(scale * 10), shapeOf(20000)).mul(scale));
    }
  });

  it("finds them at odd values too", async () => {
    const odd = [0, -0, 1e-9, -1e-9, 1e30, -1e30, Infinity, -Infinity, NaN, 0.5, -0.5, 1, -1];
    const shape = shapeOf(odd.length * 4);
    const size = shape.reduce((a, b) => a * b, 1);
    const values = Float32Array.from({ length: size }, (_, at) =>
      at % quantizer.dim < 2 ? (odd[Math.floor(at / quantizer.dim / 4)] as number) : 0.1,
    );
    await agrees(np.array(values, { shape }));
  });

  it("marks padding", async () => {
    const shape = [2, 6, quantizer.dim];
    if (quantizer.config.layout === "image") return;
    const x = random.normal(random.key(1), shape);
    const masks = () => ({ lengths: np.array(new Int32Array([6, 4])) });
    const { indices, ...rest } = quantizer.apply(start(), x.ref, masks());
    tree.dispose(rest as never);
    const found = await quantizer.encode(start(), x, masks());
    expect([...(await found.data())]).toEqual([...(await indices.data())]);
  });
});

it.each([
  ["fsq", fsq({ levels: [9] })],
  ["fsp", fsp({ levels: [9], activation: "normal" })],
] as const)("%s turns over where the graph does, to the last bit", async (_, quantizer) => {
  const level = (z: np.Array) => quantizer.apply({ params: {}, state: {} } as never, z).indices;
  const cuts = await thresholdsOf([9], level);
  const near = [...cuts].flatMap((cut) => [-1, 0, 1].map((step) => floatOf(keyOf(cut) + step)));
  const x = () => np.array(new Float32Array(near), { shape: [near.length, 1] });
  const found = await quantizer.encode({ params: {}, state: {} } as never, x());
  expect([...(await found.data())]).toEqual([...(await level(x()).data())]);
  expect([...(await level(x()).data())].slice(0, 3)).toEqual([0, 1, 1]);
});

it("encodes a depth of layers", async () => {
  const quantizer = residualFSQ({ levels: [5, 4, 3], numQuantizers: 4 });
  const x = random.normal(random.key(0), [9, 3]);
  const full = [...(await (await quantizer.encode(quantizer.init(random.key(0)), x.ref)).data())];
  const two = await quantizer.encode(quantizer.init(random.key(0)), x, { depth: 2 });
  const wanted = full.map((index, at) => (at % 4 < 2 ? index : -1));
  expect([...(await two.data())]).toEqual(wanted);
});
