/** The shaders on WebGPU (in software) beside the kernels: the same codes, and few rows that come back. */

import {
  assignStats,
  createResidualSearch,
  createSearch,
  defaultPool,
} from "vector-quantize/kernels";
import { afterAll, expect } from "vitest";
import type { QuantizerConfig } from "../../packages/vector-quantize/src/quantizers/contract.ts";
import { generator, type VectorKind, vectorKinds } from "../support/vectorKinds.ts";
import {
  clustersInPage,
  packed,
  type SearchAnswer,
  type SearchOrder,
  type StatisticsOrder,
  type StepsAnswer,
  type StepsOrder,
  searchInPage,
  stepsInPage,
  sumsInPage,
} from "./shadersPage.ts";
import { rows as webgpuRows } from "./webgpuRows.ts";
import { browserTest, sharedPage, type TestPage, withPage } from "./withPage.ts";

const shared = sharedPage({ isolated: true, webgpu: true });
afterAll(() => {
  shared.close();
  defaultPool().dispose();
});

/** `WEBGPU_VECTORS` says how many vectors the long form of `webgpu.test.ts` has; this one follows. */
const long = process.env.WEBGPU_VECTORS !== undefined;

/** A search whose answer the kernels know. */
interface Case {
  readonly kind: string;
  readonly rows: number;
  readonly codes: number;
  readonly dim: number;
  readonly layers?: number;
  /** So many nearest codes. */
  readonly k?: number;
  /** So many sequences of codes are kept. */
  readonly beam?: number;
  readonly metric?: "cosine";
  /** The share of rows that the device leaves open: at most, and where given at least. */
  readonly open: number;
  readonly leastOpen?: number;
  /** Only in the long form. */
  readonly long?: true;
}

/** Sizes around the tiles of 64 rows and codes and 16 features, and kinds of numbers that are hard. */
const cases: readonly Case[] = [
  { kind: "gaussian", rows: 1, codes: 1, dim: 1, open: 0 },
  { kind: "gaussian", rows: 200, codes: 130, dim: 1, open: 0.1 },
  { kind: "gaussian", rows: 65, codes: 65, dim: 17, open: 0 },
  { kind: "gaussian", rows: 129, codes: 300, dim: 64, open: 0.02 },
  { kind: "gaussian", rows: 64, codes: 64, dim: 16, open: 0 },
  { kind: "gaussian", rows: 70, codes: 127, dim: 257, open: 0.02 },
  { kind: "gaussian", rows: 300, codes: 129, dim: 31, metric: "cosine", open: 0.02 },
  { kind: "uniform", rows: 100, codes: 63, dim: 3, open: 0.02 },
  { kind: "clustered", rows: 200, codes: 100, dim: 8, open: 0.1 },
  { kind: "offset", rows: 200, codes: 100, dim: 8, open: 0.1 }, // far from the origin
  { kind: "heavy-tailed", rows: 200, codes: 100, dim: 8, open: 0.1 },
  { kind: "of many lengths", rows: 200, codes: 100, dim: 8, open: 0.3 },
  { kind: "scaled by 1e11", rows: 100, codes: 100, dim: 8, open: 0.1 },
  { kind: "scaled by 1e20", rows: 100, codes: 100, dim: 8, open: 1 }, // refused
  { kind: "denormal", rows: 100, codes: 100, dim: 8, open: 1, leastOpen: 1 },
  { kind: "duplicated codes", rows: 100, codes: 100, dim: 2, open: 1, leastOpen: 0.9 },
  { kind: "constant", rows: 50, codes: 50, dim: 5, open: 1, leastOpen: 1 },
  { kind: "near ties in a lane", rows: 200, codes: 100, dim: 8, open: 1, leastOpen: 0.1 },
  { kind: "gaussian", rows: 2500, codes: 900, dim: 2, open: 0.02 }, // tiles that share a workgroup
  { kind: "gaussian", rows: 4101, codes: 4166, dim: 2, open: 0.1, long: true }, // and large ones
  { kind: "gaussian", rows: 200, codes: 70, dim: 8, layers: 4, open: 0.02 },
  { kind: "clustered", rows: 200, codes: 70, dim: 19, layers: 2, open: 0.1 },
  { kind: "offset", rows: 200, codes: 70, dim: 5, layers: 3, open: 1 },
  { kind: "duplicated codes", rows: 100, codes: 70, dim: 3, layers: 3, open: 1, leastOpen: 0.9 },
];

/** Several codes of each vector, or sequences of them. */
const several: readonly Case[] = [
  { kind: "gaussian", rows: 200, codes: 130, dim: 17, k: 5, open: 0.05 },
  { kind: "offset", rows: 70, codes: 65, dim: 3, k: 3, metric: "cosine", open: 1 },
  { kind: "gaussian", rows: 30, codes: 4, dim: 3, k: 4, open: 0.1 }, // all of them
  { kind: "duplicated codes", rows: 100, codes: 70, dim: 2, k: 3, open: 1, leastOpen: 0.9 },
  { kind: "gaussian", rows: 200, codes: 70, dim: 5, layers: 3, beam: 3, open: 0.02 },
  { kind: "offset", rows: 100, codes: 30, dim: 5, layers: 2, beam: 2, open: 1, long: true },
  { kind: "duplicated codes", rows: 60, codes: 9, dim: 2, layers: 3, beam: 2, open: 1, long: true },
  { kind: "denormal", rows: 50, codes: 10, dim: 3, layers: 2, beam: 2, open: 1, leastOpen: 1 },
];

const ask = (page: TestPage, order: SearchOrder) =>
  page.run<SearchAnswer>(`
    const jax = await import("@jax-js/jax");
    const shaders = {
      ...(await import("/packages/vector-quantize/dist/search/shader.js")),
      ...(await import("/packages/vector-quantize/dist/quantizers/residual/shader.js")),
      ...(await import("/packages/vector-quantize/dist/quantizers/residual/beamOnShaders.js")),
    };
    return (${searchInPage.toString()})(jax, shaders, ${JSON.stringify(order)});
  `);

/** Rows of unit length. */
function unit(values: Float32Array, dim: number): Float32Array {
  for (let begin = 0; begin < values.length; begin += dim) {
    const row = values.subarray(begin, begin + dim);
    const length = Math.hypot(...row) || 1;
    for (const [d, value] of row.entries()) row[d] = value / length;
  }
  return values;
}

/** The numbers of a case, some rows spoilt, and what the kernels find. */
async function posed(given: Case, seed: number) {
  const { kind, rows, codes, dim, layers = 1, k = 1, beam = 1, metric } = given;
  const draw = generator(vectorKinds[kind] as VectorKind, seed, dim);
  const drawn = (count: number) => (metric ? unit(draw(count), dim) : draw(count));
  const books = Array.from({ length: layers }, () => drawn(codes));
  const vectors = drawn(rows);
  const spoilt = [Number.NaN, Number.POSITIVE_INFINITY, -(2 ** 50), 3e38];
  if (rows > 20) for (const [at, value] of spoilt.entries()) vectors[(5 * at + 1) * dim] = value;
  const options = { dim, invalid: "mark", limit: 2 ** 50 } as const;
  const ranking = beam > 1 ? ({ beam, rank: "sum" } as const) : {};
  const inLayers = async () => {
    const search = await createResidualSearch(books, { ...options, ...ranking });
    const { indices } = await search.nearest(vectors);
    search.dispose();
    return indices;
  };
  const inOne = async () => {
    const by = metric ? "dot" : "euclidean";
    const search = await createSearch(books[0] as Float32Array, { ...options, metric: by });
    const { indices } = await (k > 1 ? search.nearestTopK(vectors, k) : search.nearest(vectors));
    search.dispose();
    return indices;
  };
  const indices = await (layers > 1 ? inLayers() : inOne());
  const order = { metric: metric ?? "euclidean", dim, vectors: packed(vectors), k, beam } as const;
  return { indices, order: { ...order, layers: books.map(packed) } };
}

/** Cases in which other codes were found, or more or fewer rows left open than they say. */
async function failures(cases: readonly Case[]): Promise<string[]> {
  const found: string[] = [];
  const page = await shared.open();
  for (const [at, given] of cases.entries()) {
    if (given.long && !long) continue;
    const { indices, order } = await posed(given, at + 1);
    const answer = await ask(page, order);
    const wrong = indices.filter((index, n) => index !== answer.indices[n]).length;
    const { rows, open, leastOpen = 0 } = given;
    const expected =
      answer.decided <= Math.ceil(open * rows) && answer.decided >= leastOpen * (rows - 4);
    if (wrong > 0 || !expected || answer.indices.length !== indices.length) {
      found.push(`${JSON.stringify(given)}: ${wrong} wrong, ${answer.decided} open`);
    }
  }
  return found;
}

browserTest(
  "the shaders find the codes of the kernels, and leave few rows open",
  async () => expect(await failures(cases)).toEqual([]),
  120_000,
);

browserTest(
  "several codes of a vector, and those of a beam, are the kernels'",
  async () => expect(await failures(several)).toEqual([]),
  240_000,
);

browserTest("a residual search knows what its subtractions round off", async () => {
  const [rows, dim] = [200, 3];
  const draw = generator(vectorKinds.gaussian as VectorKind, 5, dim);
  const vectors = draw(rows).map((value) => 1 + 0.1 * value);
  // Small numbers off large ones, then almost all of what is left: the last layer sees what was rounded.
  const first = Float32Array.of(0.0123456, 0.0234567, 0.0345678);
  const noise = draw(rows);
  const second = vectors.map((value, i) => value - first[i % dim]! + 1e-7 * noise[i]!);
  const layers = [first, second, draw(50).map((value) => 1e-7 * value)];
  const search = await createResidualSearch(layers, { dim });
  const { indices } = await search.nearest(vectors);
  search.dispose();
  const order = { metric: "euclidean", dim, vectors: packed(vectors) } as const;
  const answer = await ask(await shared.open(), { ...order, layers: layers.map(packed) });
  expect(answer.indices).toEqual([...indices]);
});

browserTest("searches leave no buffer behind", async () => {
  const page = await shared.open();
  const kinds = [
    { layers: 1, beam: 1 },
    { layers: 2, beam: 1 },
    { layers: 2, beam: 2 },
  ];
  for (const { layers, beam } of kinds) {
    // With ties: some rows come back.
    const given = { kind: "duplicated codes", rows: 40, codes: 10, dim: 2, layers, beam, open: 1 };
    const { indices, order } = await posed(given, 1);
    const times = long ? 1000 : 40;
    const answer = await ask(page, { ...order, times: beam > 1 ? times / 4 : times });
    expect(answer).toEqual({
      indices: [...indices],
      decided: expect.any(Number),
      buffersLeft: 0,
      bytes: expect.any(Number),
    });
    expect(answer.decided).toBeGreaterThan(0);
  }
});

browserTest(
  "memory grows with vectors and codes, not with their product",
  async () => {
    const page = await shared.open();
    // In software, as many vectors as codes take a quarter of an hour.
    const [rows, codes, dim] = long ? [65_536, 65_536, 32] : [64, 8192, 32];
    const { indices, order } = await posed({ kind: "gaussian", rows, codes, dim, open: 0 }, 1);
    const answer = await ask(page, order);
    expect(answer.indices).toEqual([...indices]);
    // Where a row is open the codes are read: a copy of them, for a moment.
    const read = answer.decided > 0 ? 4 * dim * codes : 0;
    expect(answer.bytes).toBeLessThan(32 * (rows + codes) + read + 2 ** 20);
  },
  long ? 7_200_000 : 60_000,
);

browserTest("a device that was lost is a clear error", async () => {
  await withPage({ isolated: true, webgpu: true }, async (page) => {
    const { order } = await posed({ kind: "gaussian", rows: 9, codes: 9, dim: 2, open: 0 }, 1);
    await ask(page, order);
    const message = await page.run<string>(`
      const jax = await import("@jax-js/jax");
      const { nearestOnShaders } = await import("/packages/vector-quantize/dist/search/shader.js");
      const { numpy: np } = jax;
      const search = () => nearestOnShaders(np.ones([9, 2]), np.ones([9, 2]), "euclidean");
      const under = search();
      jax.getWebGPUDevice().destroy();
      const errors = [];
      for (const call of [() => under, search]) {
        await call().catch((error) => errors.push(String(error)));
      }
      return errors.join("\\n");
    `);
    const lost = "VectorQuantizeError: webgpu: expected a device, but it was lost (destroyed: ";
    expect(message.split("\n").map((line) => line.startsWith(lost))).toEqual([true, true]);
  });
});

browserTest("counts and sums of codes are the kernels' to the bit", async () => {
  const page = await shared.open();
  const sizes = [
    { rows: 1, dim: 1, codes: 1 },
    { rows: 257, dim: 3, codes: 5 },
    { rows: 1000, dim: 65, codes: 255 },
    { rows: 700, dim: 17, codes: 256 },
    { rows: 3000, dim: 2, codes: 70_000 },
  ];
  for (const { rows, dim, codes } of sizes) {
    const vectors = generator(vectorKinds.gaussian as VectorKind, 7, dim)(rows);
    const draws = generator(vectorKinds.uniform as VectorKind, 8, 1)(rows);
    // Many rows for the first codes, few for the others, and some without one.
    const indices = Int32Array.from(draws, (u) => Math.floor(u ** 3 * (codes + 1)) - 1);
    const spoilt = indices.indexOf(-1);
    if (spoilt >= 0) vectors[spoilt * dim] = Number.NaN;
    const { counts, sums } = await assignStats(vectors, indices, { dim, codes });
    const order: StatisticsOrder = {
      ...{ dim, codes, vectors: packed(vectors), indices: [...indices] },
    };
    const answer = await page.run<{ counts: number[]; sums: number[] }>(`
        const jax = await import("@jax-js/jax");
        const statistics = await import("/packages/vector-quantize/dist/codebook/statistics.js");
        return (${sumsInPage.toString()})(jax, statistics, ${JSON.stringify(order)});
      `);
    expect(answer.counts).toEqual([...counts]);
    expect(answer.sums).toEqual([...sums]);
  }
});

browserTest("k-means by the shaders is that of the graph", async () => {
  const page = await shared.open();
  for (const metric of ["euclidean", "cosine"] as const) {
    const [rows, dim, K] = [203, 4, 9];
    const draw = generator(vectorKinds.gaussian as VectorKind, 3, dim);
    const vectors = metric === "cosine" ? unit(draw(rows), dim) : draw(rows);
    const order = { dim, K, metric, vectors: packed(vectors) };
    const { shaders, graph, counts } = await page.run<
      Record<"shaders" | "graph" | "counts", number[]>
    >(`
        const jax = await import("@jax-js/jax");
        const kmeans = await import("/packages/vector-quantize/dist/codebook/kmeans.js");
        return (${clustersInPage.toString()})(jax, kmeans, ${JSON.stringify(order)});
      `);
    expect(counts.reduce((a, b) => a + b)).toBe(rows - 3);
    expect(shaders).toHaveLength(K * dim);
    for (const [at, mean] of graph.entries()) expect(shaders[at]).toBeCloseTo(mean, 5);
  }
});

/** Quantizers whose steps are taken, of so many codes; of every kind in the long form. */
const trained: readonly { config: QuantizerConfig; codes: number }[] = [
  { config: { type: "vectorQuantize", dim: 4, codebookSize: 512 }, codes: 512 },
  { config: { type: "lfq", codebookSize: 4096 }, codes: 4096 },
];
const others = webgpuRows
  .filter(({ config }) => config.layout !== "image" && config.type !== "hierarchicalVQ")
  .map(({ config }) => ({ config, codes: Number.POSITIVE_INFINITY }));

for (const [row, { config, codes }] of (long ? [...trained, ...others] : trained).entries()) {
  browserTest(
    `a training step makes no matrix of vectors and codes, and leaves no buffer behind: ${row} ${config.type}`,
    async () => {
      const page = await shared.open();
      const order: StepsOrder = { config, rows: 128, steps: long ? 1000 : 10 };
      const answer = await page.run<StepsAnswer>(`
        const jax = await import("@jax-js/jax");
        const library = {
          ...(await import("vector-quantize")),
          ...(await import("vector-quantize/nn")),
          ...(await import("vector-quantize/train")),
        };
        return (${stepsInPage.toString()})(jax, library, ${JSON.stringify(order)});
      `);
      const { largest, buffersLeft, losses, passIsOff } = answer;
      expect(largest).toBeLessThan(order.rows * codes); // a quarter of it
      expect(buffersLeft).toBeLessThanOrEqual(0);
      expect(losses.at(-1)).toBeLessThan(losses[0] as number);
      expect(passIsOff).toBeLessThan(1e-5);
    },
    long ? 1_800_000 : 120_000,
  );
}
