import { numpy as np, random, tree } from "@jax-js/jax";
import { afterAll, describe, expect, it } from "vitest";
import { floats, leaves, numbers, rowsOf } from "../../../../test/support/arrays.ts";
import { type AffineState, toBatch, toCodes } from "../codebook/affine.ts";
import { defaultPool } from "../kernels/engine/createPool.ts";
import { createResidualSearch } from "../kernels/residual/createResidualSearch.ts";
import { createSearch } from "../kernels/search/createSearch.ts";
import { nearestReference } from "../kernels/search/nearest.reference.ts";
import type { Quantizer } from "../quantizers/contract.ts";
import { groupedResidualVQ } from "../quantizers/groupedResidualVQ.ts";
import { hierarchicalVQ } from "../quantizers/hierarchicalVQ.ts";
import { identity } from "../quantizers/identity.ts";
import { productVQ } from "../quantizers/productVQ.ts";
import { randomProjectionQuantizer } from "../quantizers/randomProjectionQuantizer.ts";
import { residualVQ } from "../quantizers/residualVQ.ts";
import { simVQ } from "../quantizers/simVQ.ts";
import { vectorQuantize } from "../quantizers/vectorQuantize.ts";
import { sgd } from "../train/optimizers.ts";
import { finiteRows, NUMBER_LIMIT, usableRows } from "./usable.ts";

afterAll(() => defaultPool().dispose());

const bits = new Float32Array(1);
/** The float32 just below a power of two. */
const justBelow = (power: number) => {
  bits[0] = power;
  const words = new Uint32Array(bits.buffer);
  words[0] = (words[0] as number) - 1;
  return bits[0];
};
const below = justBelow(NUMBER_LIMIT);

describe("rows of numbers", () => {
  it("are finite, and usable below 2^50", async () => {
    const rows = [
      [0, -0, 1],
      [below, -below, 1e-45],
      [0, 0, NUMBER_LIMIT],
      [-NUMBER_LIMIT, 0, 0],
      [1, 3.4e38, 1],
      [1, Number.POSITIVE_INFINITY, 1],
      [Number.NEGATIVE_INFINITY, 1, 1],
      [1, 1, Number.NaN],
    ];
    expect(await numbers(usableRows(floats(rows)))).toEqual([1, 1, 0, 0, 0, 0, 0, 0]);
    expect(await numbers(finiteRows(floats(rows)))).toEqual([1, 1, 1, 1, 1, 0, 0, 0]);
  });

  const base = { dim: 4, codebookSize: 6 };
  const residual = { ...base, numQuantizers: 2 };
  const quantizers: Record<string, Quantizer> = {
    vectorQuantize: vectorQuantize(base) as never,
    "many codes": vectorQuantize({ dim: 4, codebookSize: 700 }) as never,
    cosine: vectorQuantize({ ...base, metric: "cosine" }) as never,
    heads: vectorQuantize({ ...base, heads: 2, codebookDim: 2 }) as never,
    residualVQ: residualVQ(residual) as never,
    beam: residualVQ({ ...residual, beamSize: 2 }) as never,
    groups: groupedResidualVQ({ ...residual, groups: 2 }) as never,
    simVQ: simVQ(base) as never,
    productVQ: productVQ({ ...base, parts: 2, rotation: "learned" }) as never,
    randomProjectionQuantizer: randomProjectionQuantizer({ ...base, codebookDim: 4 }) as never,
  };
  it.each(Object.keys(quantizers))("are told apart by %s alike on both paths", async (name) => {
    const quantizer = quantizers[name] as Quantizer;
    const variables = quantizer.init(random.key(0));
    const rows = Array.from({ length: 12 }, (_, n) => [n - 5, 0.5, n % 3, -1]);
    for (const [n, value] of [below, -below, NUMBER_LIMIT, -1e30, 3.4e38].entries()) {
      (rows[n] as number[])[n % 4] = value;
    }
    const x = () => floats(rows);
    const own = () => tree.ref(variables as never) as typeof variables;
    const { quantized, indices, ...rest } = quantizer.apply(own(), x());
    const grouped = indices.shape[0] !== 12;
    const encoded = await quantizer.encode(own(), x());
    // Of a large vector all codes are as far in float32, by which a beam ranks: those are ties.
    const seen = (index: number) => (name === "beam" ? index === -1 : index);
    expect((await numbers(encoded)).map(seen)).toEqual((await numbers(indices.ref)).map(seen));
    const flat = rowsOf(
      await numbers(grouped ? np.moveaxis(indices, 0, 1).mul(1) : indices),
      indices.size / 12,
    );
    const refused = flat.map((row) => row.every((index) => index === -1));
    expect(refused).toEqual(rows.map((_, n) => n >= 2 && n < 5));
    const output = rowsOf(await numbers(quantized), 4);
    expect(output.map((row) => row.every(Number.isNaN))).toEqual(refused);
    tree.dispose([rest, variables] as never);
  });

  it("leave a quantizer without codes as NaN", async () => {
    const quantizer = identity({ dim: 2 });
    const x = () =>
      floats([
        [1, 2],
        [Number.POSITIVE_INFINITY, 1],
        [1, Number.NaN],
        [3, 3.4e38],
      ]);
    const { quantized, indices, loss } = quantizer.apply({ params: {}, state: {} }, x());
    const output = rowsOf(await numbers(quantized), 2).map(([, last]) => last as number);
    expect(output.map(Number.isFinite)).toEqual([true, false, false, true]);
    expect(await numbers(indices)).toEqual([0, -1, -1, 0]);
    expect(await numbers(await quantizer.encode({ params: {}, state: {} }, x()))).toEqual([
      0, -1, -1, 0,
    ]);
    loss.dispose();
  });

  it("spoil their own image alone in hierarchicalVQ", async () => {
    const quantizer = hierarchicalVQ({ dim: 4, codebookSize: 6, scales: [1, 2, 4] });
    const variables = quantizer.init(random.key(0));
    const own = () => tree.ref(variables);
    const image = random.normal(random.key(1), [2, 4, 4, 4]);
    const clean = quantizer.apply(own(), image.ref);
    const wanted = await numbers(clean.quantized);
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e30]) {
      const spoilt = np.where(np.arange(128).equal(70).reshape([2, 4, 4, 4]), value, image.ref);
      const out = quantizer.apply(own(), spoilt, {
        training: true,
        key: random.key(2),
      });
      expect(rowsOf(await numbers(out.indices), 21)[1]).toEqual(Array(21).fill(-1));
      const output = await numbers(out.quantized);
      expect(output.slice(64).every(Number.isNaN)).toBe(true);
      expect(output.slice(0, 64).every(Number.isFinite)).toBe(true);
      expect((await leaves(out.state)).flat().every(Number.isFinite)).toBe(true);
      const seen = quantizer.apply(
        own(),
        np.where(np.arange(128).equal(70).reshape([2, 4, 4, 4]), value, image.ref),
      );
      expect((await numbers(seen.quantized)).slice(0, 64)).toEqual(wanted.slice(0, 64));
      tree.dispose([
        out.loss,
        out.losses,
        seen.indices,
        seen.loss,
        seen.losses,
        seen.state,
      ] as never);
    }
    tree.dispose([variables, image, clean.indices, clean.loss, clean.losses, clean.state] as never);
  });
});

describe("a codebook", () => {
  it.each([{}, { metric: "cosine" }, { affineParam: true }, { thresholdEmaDeadCode: 1 }] as const)(
    "outlives any number of batches without a vector: %o",
    async (options) => {
      const quantizer = vectorQuantize({ dim: 2, codebookSize: 4, decay: 0.1, ...options });
      const { params, state } = quantizer.init(random.key(0));
      let moved = state;
      for (let step = 0; step < 60; step++) {
        const out = quantizer.apply({ params: tree.ref(params), state: moved }, np.ones([3, 2]), {
          training: true,
          key: random.key(step),
          mask: np.zeros([3]).greater(0),
        });
        const { state: after, ...rest } = out;
        tree.dispose(rest as never);
        moved = after;
      }
      expect((await leaves(moved)).flat().every(Number.isFinite)).toBe(true);
      tree.dispose(params as never);
    },
  );

  it("keeps its numbers in range where affine statistics lag behind the data", async () => {
    const descent = { name: "descent", optimizer: sgd(0.1, { momentum: 0.9 }) };
    const quantizer = vectorQuantize({
      dim: 4,
      codebookSize: 5,
      affineParam: true,
      learnableCodebook: true,
      inPlaceCodebookOptimizer: descent,
    });
    const { params, state } = quantizer.init(random.key(0));
    let moved = state;
    for (const [step, size] of [1, 1, 1e15, 1e15, 1e-3, 1e15, 1e-9, 1].entries()) {
      const range = { minval: -size, maxval: size };
      const x = random.uniform(random.key(step), [12, 4], range);
      const out = quantizer.apply({ params: tree.ref(params), state: moved }, x, {
        training: true,
      });
      const { state: after, ...rest } = out;
      tree.dispose(rest as never);
      moved = after;
    }
    expect((await leaves(moved)).flat().every(Number.isFinite)).toBe(true);
    tree.dispose(params as never);

    const all = (value: number) => np.full([2], value);
    const lagging = (batchVariance: number, codebookVariance: number): AffineState => ({
      batchMean: all(0),
      batchVariance: all(batchVariance),
      codebookMean: all(0),
      codebookVariance: all(codebookVariance),
      started: np.ones([]),
    });
    const far = () => floats([[1e10, -1e10]]);
    const both = [NUMBER_LIMIT, -NUMBER_LIMIT];
    expect(await numbers(toBatch(lagging(1e30, 0), far()))).toEqual(both);
    expect(await numbers(toCodes(lagging(0, 1e30), far()))).toEqual(both);
  });

  it("is fitted to the vectors that are usable", async () => {
    const quantizer = vectorQuantize({ dim: 2, codebookSize: 3 });
    const rows = Array.from({ length: 40 }, (_, n) => (n % 4 === 0 ? [3e38, -3e38] : [n % 3, 0]));
    const fitted = await quantizer.fit(quantizer.init(random.key(0)), floats(rows), { warn() {} });
    const codes = await numbers(quantizer.codebook(fitted));
    expect(codes.every((value) => Math.abs(value) < 3)).toBe(true);
  });
});

describe("the kernels' searches", () => {
  it.each(["euclidean", "dot", "cosine"] as const)(
    "are exact up to the largest finite numbers: %s",
    async (metric) => {
      for (const [dim, size] of [
        [3, 40],
        [8, 600],
        [64, 300],
      ] as const) {
        const next = (seed: number, count: number) =>
          random.uniform(random.key(seed), [count, dim], { minval: -1, maxval: 1 });
        const codes = (await next(1, size).data()) as Float32Array;
        const vectors = (await next(2, 60).data()) as Float32Array;
        for (const [ofCodes, ofVectors] of [
          [1, 3.4e38],
          [1e19, 3.4e38],
          [3.4e38, 3.4e38],
          [1e-38, 1],
        ] as const) {
          const book = codes.map((value) => value * ofCodes);
          const rows = vectors.map((value) => value * ofVectors);
          const search = await createSearch(book, { dim, metric });
          const { indices } = await search.nearest(rows);
          search.dispose();
          expect(indices, `${dim} x ${size}, ${ofCodes}, ${ofVectors}`).toEqual(
            nearestReference(rows, book, dim, metric).indices,
          );
        }
      }
    },
  );

  it("refuse numbers from a limit on", async () => {
    const codes = Float32Array.from({ length: 20 }, (_, at) => at);
    const vectors = Float32Array.of(1, 99, 1, 100, -100, 1, 5, 5, -99, 3);
    const search = await createSearch(codes, { dim: 2, limit: 100, invalid: "mark" });
    const found = await search.nearest(vectors);
    expect(found.invalidRows).toBe(2);
    expect([...found.indices].map((index) => index < 0)).toEqual([false, true, true, false, false]);
    expect(
      [...(await search.nearestTopK(vectors, 2)).indices].filter((index) => index < 0),
    ).toHaveLength(4);
    search.dispose();
    const strict = await createSearch(codes, { dim: 2, limit: 100 });
    await expect(strict.nearest(vectors)).rejects.toThrow(
      "nearest: vectors, row 1: expected numbers of a size below 100, got 100",
    );
    strict.dispose();
    for (const beam of [1, 3]) {
      const layered = await createResidualSearch([codes, codes], {
        dim: 2,
        limit: 100,
        beam,
        invalid: "mark",
      });
      const { indices, invalidRows } = await layered.nearest(vectors);
      expect(invalidRows).toBe(2);
      expect([...indices].map((index) => index < 0)).toEqual(
        [0, 0, 1, 1, 1, 1, 0, 0, 0, 0].map(Boolean),
      );
      layered.dispose();
    }
    await expect(createSearch(codes, { dim: 2, limit: Number.NaN })).rejects.toThrow(
      "createSearch: limit: expected a number above 0, got NaN",
    );
  });
});
