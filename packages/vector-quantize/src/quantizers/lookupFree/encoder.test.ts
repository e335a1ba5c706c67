/** The encoders on the kernels, held against the graph. */
import { numpy as np, random, tree } from "@jax-js/jax";
import { describe, expect, it } from "vitest";
import { sameNumbers } from "../../../../../test/support/kernelPools.ts";
import { encodeLevels } from "../../kernels/levels/encodeLevels.ts";
import { floatOf, keyOf } from "../../kernels/levels/floatKeys.ts";
import { fspCodec } from "../../kernels/levels/fspCodec.ts";
import { fsqCodec } from "../../kernels/levels/fsqCodec.ts";
import type { LevelCodec } from "../../kernels/levels/levelCodec.ts";
import { residualFsqCodec } from "../../kernels/levels/residualFsqCodec.ts";
import type { ResidualLevelCodec } from "../../kernels/levels/residualLevelCodec.ts";
import { encodeResidualLevels } from "../../kernels/levels/residualLevels.ts";
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

/** `[N, D]`: in column d the floats around `cuts[d]`, up to `reach` steps away, again and again. */
function around(cuts: readonly (readonly number[])[], reach: number) {
  const steps = 2 * reach + 1;
  const rows = steps * Math.max(...cuts.map(({ length }) => length));
  return Float32Array.from({ length: rows * cuts.length }, (_, at) => {
    const own = cuts[at % cuts.length] as readonly number[];
    const place = Math.floor(at / cuts.length) % (own.length * steps);
    const cut = own[Math.floor(place / steps)] as number;
    return floatOf(keyOf(cut) + (place % steps) - reach);
  });
}

/** The thresholds of each dimension. */
function cutsOf({ levels, thresholds }: LevelCodec): number[][] {
  let at = 0;
  return levels.map((count) => {
    at += count - 1;
    return [...thresholds.subarray(at - count + 1, at)];
  });
}

/** Throws unless `apply`, in evaluation and training, and `encode` give these indices. */
async function expectIndices(quantizer: Quantizer, x: Float32Array, wanted: Int32Array) {
  const array = () => np.array(x, { shape: [x.length / quantizer.dim, quantizer.dim] });
  const start = () => quantizer.init(random.key(0));
  for (const training of [false, true]) {
    const given = { training, ...(training && { key: random.key(0) }) };
    const { indices, ...rest } = quantizer.apply(start(), array(), given);
    expect(sameNumbers((await indices.data()) as Int32Array, wanted), `${training}`).toBe(true);
    tree.dispose(rest as never);
  }
  const encoded = await quantizer.encode(start(), array());
  expect(sameNumbers((await encoded.data()) as Int32Array, wanted)).toBe(true);
}

const rules: Record<string, (levels: number[]) => [Quantizer, LevelCodec]> = {
  ...Object.fromEntries(
    [false, true].flatMap((preserveSymmetry) =>
      [false, true].map((hard) => [
        `fsq${preserveSymmetry ? ", symmetric" : ""}${hard ? ", clamped" : ""}`,
        (levels: number[]) => [
          as(fsq({ levels, preserveSymmetry, boundHardClamp: hard })),
          fsqCodec({ levels, preserveSymmetry, bound: hard ? "clamp" : "tanh" }),
        ],
      ]),
    ),
  ),
  ...Object.fromEntries(
    activations.map((activation) => [
      `fsp, ${activation}`,
      (levels: number[]) => [
        as(fsp({ levels, activation, quantizeRate: 1 })),
        fspCodec({ levels, cdf: activation }),
      ],
    ]),
  ),
};

describe.each(Object.entries(rules))(
  "%s turns over where its codec does, to the last bit",
  (name, make) => {
    const two = /symmetric|fsp/.test(name) ? [2] : [3];
    it.each([
      [[...two, 8, 5, 24, 23]], // all thresholds are compared
      [[25, 4, 1000, 7]], // two of them
      [[256, 255, 3]],
      [[5000, 1001]],
    ])("with %j levels", async (levels) => {
      const [quantizer, codec] = make(levels);
      const x = around(cutsOf(codec), 2);
      const { indices } = await encodeLevels(codec, x);
      await expectIndices(quantizer, x, indices as Int32Array);
    });
  },
);

/** What the bound of `residualFSQ` takes to the thresholds of its first layer, but for some last bits. */
function entrances({ codec, scales, bound }: ResidualLevelCodec): number[][] {
  return cutsOf(codec).map((cuts, at) => {
    const [a, b, c, d, e, f] = bound?.map((row) => row[at] as number) ?? [];
    const residuals = cuts.map((cut) => cut * (scales[0]?.[at] as number));
    if (!bound) return residuals;
    return residuals.map((r) => (Math.atanh((r / e! / f! + d!) / c!) - b!) / a!);
  });
}

describe.each(residualBounds)("residualFSQ, %s, turns over where its codec does", (bounds) => {
  it.each([[[3, 8, 5]], [[25, 4, 64]], [[1000, 7]]])("with %j levels", async (levels) => {
    const options = { levels, numQuantizers: 3, bounds };
    const codec = residualFsqCodec(options);
    const x = around(entrances(codec), 20);
    const { indices } = await encodeResidualLevels(codec, x);
    await expectIndices(as(residualFSQ(options)), x, indices);
    const first = indices.filter((_, at) => at % 3 === 0).map((index) => index % levels[0]!);
    expect(new Set(first).size).toBeGreaterThan(0.99 * levels[0]!); // it does turn over
  });
});

it("encodes a depth of layers", async () => {
  const quantizer = residualFSQ({ levels: [5, 4, 3], numQuantizers: 4 });
  const x = random.normal(random.key(0), [9, 3]);
  const full = [...(await (await quantizer.encode(quantizer.init(random.key(0)), x.ref)).data())];
  const two = await quantizer.encode(quantizer.init(random.key(0)), x, { depth: 2 });
  const wanted = full.map((index, at) => (at % 4 < 2 ? index : -1));
  expect([...(await two.data())]).toEqual(wanted);
});
