import { readFile } from "node:fs/promises";
import { describe, expect } from "vitest";
import { packageRoot } from "../support/paths.ts";
import { browserTest, withPage } from "./withPage.ts";

/** A product of 256 x 96 and 96 x 128 whose elements are small integers, and its workers. */
const matmul = `
const { numpy: np } = await import("@jax-js/jax");
const [N, D, M] = [256, 96, 128];
const a = Float32Array.from({ length: N * D }, (_, i) => (i % 7) - 3);
const b = Float32Array.from({ length: D * M }, (_, i) => (i % 5) - 2);
const c = await np.matmul(np.array(a, { shape: [N, D] }), np.array(b, { shape: [D, M] })).data();
let wrong = 0;
for (let i = 0; i < N; i++) {
  for (let j = 0; j < M; j++) {
    let sum = 0;
    for (let d = 0; d < D; d++) sum += a[i * D + d] * b[d * M + j];
    if (c[i * M + j] !== sum) wrong++;
  }
}
return wrong;
`;

describe.each([{ isolated: true }, { isolated: false }])("page, %o", ({ isolated }) => {
  browserTest("the package's browser entry loads, without Node's part", async () => {
    await withPage({ isolated }, async ({ run, requests }) => {
      const names = await run<string[]>(`return Object.keys(await import("vector-quantize"));`);
      expect(names).toContain("vectorQuantize");
      expect(names).toContain("VectorQuantizeError");
      expect(requests).toContain("/packages/vector-quantize/dist/entrances/index.js");
      const ours = requests.filter((path) => path.startsWith("/packages/"));
      expect(ours.filter((path) => /node|runtime/.test(path))).toEqual([]);
      expect(await run<boolean>("return crossOriginIsolated;")).toBe(isolated);
    });
  });

  browserTest(`jax-js multiplies ${isolated ? "on" : "without"} threads`, async () => {
    await withPage({ isolated }, async ({ run, page }) => {
      expect(await run<number>(matmul)).toBe(0);
      const workers = isolated ? await run<number>("return navigator.hardwareConcurrency;") : 0;
      expect(page.workers().length).toBe(workers);
    });
  });
});

browserTest("the entries that browsers have can all be imported", async () => {
  const { exports } = JSON.parse(await readFile(`${packageRoot}/package.json`, "utf8"));
  const entries = Object.keys(exports).filter((path) => path !== "./node");
  await withPage({ isolated: true }, async ({ run }) => {
    for (const entry of entries) {
      const name = `vector-quantize${entry.slice(1)}`;
      const names = await run<string[]>(
        `return Object.keys(await import(${JSON.stringify(name)}));`,
      );
      expect(names.length, name).toBeGreaterThan(0);
    }
  });
});

browserTest("jax-js multiplies on WebGPU", async () => {
  await withPage({ isolated: true, webgpu: true }, async ({ run }) => {
    const start = `
      const { init, defaultDevice } = await import("@jax-js/jax");
      if (!(await init("webgpu")).includes("webgpu")) throw new Error("no WebGPU adapter");
      defaultDevice("webgpu");
    `;
    expect(await run<number>(start + matmul)).toBe(0);
  });
});

browserTest("an uncaught error in the page fails the test", async () => {
  const lost = withPage({ isolated: false }, ({ run }) =>
    run(
      `setTimeout(() => { throw new Error("lost 7"); }); await new Promise((r) => setTimeout(r, 100));`,
    ),
  );
  await expect(lost).rejects.toThrow("lost 7");
});
