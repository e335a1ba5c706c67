import { describe, expect } from "vitest";
import { browserTest, withPage } from "./withPage.ts";

/** A search beside that of one thread, and what jax-js does in kernels and in routines. */
const work = `
const { createPool, createSearch } = await import("vector-quantize/kernels");
const { vectorQuantize } = await import("vector-quantize");
const { numpy: np, blockUntilReady, random } = await import("@jax-js/jax");
const wave = (length) => Float32Array.from({ length }, (_, i) => Math.sin(i * i));
const found = [];
for (const pool of [createPool(), createPool({ threads: 1 })]) {
  const search = await createSearch(wave(512 * 16), { dim: 16, pool });
  found.push([...(await search.nearest(wave(4096 * 16))).indices].join());
}
const vq = vectorQuantize({ dim: 16, codebookSize: 64 });
const variables = vq.init(random.key(1));
const x = np.array(wave(512 * 16), { shape: [1, 512, 16] });
const { quantized, indices } = vq.apply(variables, x);
await blockUntilReady(quantized);
const sorted = [...(await np.sort(np.array([3, 1, 2])).data())];
return { same: found[0] === found[1], codes: (await indices.data()).length, sorted };
`;

describe.each(["worker-src 'none'", "worker-src 'self'"])("%s", (contentSecurityPolicy) => {
  browserTest("without blob workers everything runs on one thread, with a word", async () => {
    await withPage({ isolated: true, contentSecurityPolicy }, async ({ run, page }) => {
      const warnings: string[] = [];
      page.on("console", (message) => {
        if (message.type() === "warning") warnings.push(message.text());
      });
      const result = await run<object>(work);
      expect(result).toEqual({ same: true, codes: 512, sorted: [1, 2, 3] });
      expect(page.workers().length).toBe(0);
      expect(warnings).toEqual([
        expect.stringMatching(
          /^vector-quantize: on fewer threads, for workers could not be started: .*worker-src blob:/,
        ),
      ]);
    });
  });
});

browserTest("with blob workers jax-js is left as it is", async () => {
  await withPage({ isolated: true }, async ({ run }) => {
    const result = await run<object>(`
      const { numpy: np } = await import("@jax-js/jax");
      const { data } = np.Array.prototype;
      await import("vector-quantize");
      const sum = [...(await np.ones([3]).add(1).data())];
      return { sum, same: np.Array.prototype.data === data };
    `);
    expect(result).toEqual({ sum: [2, 2, 2], same: true });
  });
});
