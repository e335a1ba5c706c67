import { describe, expect } from "vitest";
import { nearestReference } from "../../packages/vector-quantize/src/kernels/search/nearest.reference.ts";
import { browserTest, withPage } from "./withPage.ts";

const [N, D, K] = [4003, 16, 301];

/** The same numbers in the page and here. */
const numbers = `
const series = (length, step) => Float32Array.from({ length }, (_, i) => Math.fround(((i * step) % 1009) / 1009));
const vectors = series(${N * D}, 617);
const codebook = series(${K * D}, 283);
`;

/** Searches with every metric, once small (on the calling thread) and once large. */
const search = `
${numbers}
const { createSearch } = await import("vector-quantize/kernels");
const found = {};
for (const metric of ["euclidean", "cosine", "dot"]) {
  const search = await createSearch(codebook, { dim: ${D}, metric });
  const small = await search.nearest(vectors.subarray(0, ${5 * D}));
  const large = await search.nearest(vectors);
  const topK = await search.nearestTopK(vectors, 3);
  const bad = await search.nearest(new Float32Array(${D}).fill(NaN)).catch((error) => error.message);
  search.dispose();
  found[metric] = { small: [...small.indices], large: [...large.indices], topK: [...topK.indices], bad };
}
return found;
`;

type Found = Record<string, { small: number[]; large: number[]; topK: number[]; bad: string }>;

const series = (length: number, step: number) =>
  Float32Array.from({ length }, (_, i) => ((i * step) % 1009) / 1009);

function expectRight(found: Found): void {
  const vectors = series(N * D, 617);
  const codebook = series(K * D, 283);
  for (const metric of ["euclidean", "cosine", "dot"] as const) {
    const one = [...nearestReference(vectors, codebook, D, metric).indices];
    expect(found[metric]).toEqual({
      small: one.slice(0, 5),
      large: one,
      topK: [...nearestReference(vectors, codebook, D, metric, 3).indices],
      bad: 'nearest: vectors, row 0: expected finite numbers, got NaN. With `invalid: "mark"` such rows get index -1',
    });
  }
}

describe.each([{ isolated: true }, { isolated: false }])("page, %o", ({ isolated }) => {
  browserTest(`the kernels search ${isolated ? "on" : "without"} threads`, async () => {
    await withPage({ isolated }, async ({ run, page, requests }) => {
      expectRight(await run<Found>(search));
      const workers = isolated ? await run<number>("return navigator.hardwareConcurrency;") : 0;
      expect(page.workers().length).toBe(workers);
      expect(requests.filter((path) => path.includes("jax"))).toEqual([]);
    });
  });
});

browserTest("a worker of the page may search with threads of its own", async () => {
  await withPage({ isolated: true }, async ({ run }) => {
    // Workers have no import map, so the entry is given by its path.
    const entry = JSON.stringify("/packages/vector-quantize/dist/entrances/kernels.js");
    const body = search.replace('"vector-quantize/kernels"', `origin + ${entry}`);
    const source = JSON.stringify(`
      const origin = ${JSON.stringify("ORIGIN")};
      (async () => {${body}})().then(postMessage, (error) => postMessage(error.stack));
    `);
    expectRight(
      await run<Found>(`
        const source = ${source}.replace("ORIGIN", location.origin);
        const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
        const worker = new Worker(url, { type: "module" });
        return new Promise((resolve, reject) => {
          worker.onmessage = ({ data }) => (typeof data === "string" ? reject(data) : resolve(data));
          worker.onerror = (event) => reject(event.message);
        });
      `),
    );
  });
});

browserTest("the page stays alive during a long search", async () => {
  await withPage({ isolated: true }, async ({ run }) => {
    const order = await run<string[]>(`
      const { createSearch } = await import("vector-quantize/kernels");
      const wave = (length) => Float32Array.from({ length }, (_, i) => Math.sin(i * i));
      const search = await createSearch(wave(4096 * 64), { dim: 64 });
      const order = [];
      const found = search.nearest(wave(8192 * 64)).then(() => order.push("found"));
      setTimeout(() => order.push("timer"));
      await found;
      return order;
    `);
    expect(order).toEqual(["timer", "found"]);
  });
});

browserTest("disposing of a pool ends the search under way", async () => {
  await withPage({ isolated: true }, async ({ run, page }) => {
    const message = await run<string>(`
      const { createPool, createSearch } = await import("vector-quantize/kernels");
      const wave = (length) => Float32Array.from({ length }, (_, i) => Math.sin(i * i));
      const pool = createPool();
      const search = await createSearch(wave(4096 * 64), { dim: 64, pool });
      const found = search.nearest(wave(65536 * 64)).catch((error) => error.message);
      setTimeout(() => pool.dispose());
      return found;
    `);
    expect(message).toBe("kernels: the pool has been disposed of");
    // Chromium takes two seconds to end a thread that sleeps.
    await expect.poll(() => page.workers().length, { timeout: 10_000 }).toBe(0);
  });
});

browserTest("kernels may be loaded while a search is under way", async () => {
  await withPage({ isolated: true }, async ({ run }) => {
    const counts = await run<number[]>(`
      const { createPool, createSearch } = await import("vector-quantize/kernels");
      const wave = (length) => Float32Array.from({ length }, (_, i) => Math.sin(i * i));
      const vectors = wave(2048 * 64);
      const pool = createPool();
      const search = await createSearch(wave(1024 * 64), { dim: 64, pool });
      const found = [];
      for (const reproducible of [false, true]) {
        found.push(search.nearest(vectors));
        found.push(search.nearestTopK(vectors, 2));
        const other = createSearch(wave(1024 * 64), { dim: 64, pool, reproducible });
        found.push(other.then((each) => each.nearestTopK(vectors, 3)));
      }
      return (await Promise.all(found)).map(({ indices }) => indices.length);
    `);
    expect(counts).toEqual([2048, 4096, 6144, 2048, 4096, 6144]);
  });
});
