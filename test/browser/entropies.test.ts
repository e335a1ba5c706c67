/** The entropies of `lfq` on WebGPU (in software) beside the kernels: by half-tables, never one of all codes. */

import { random } from "@jax-js/jax";
import { defaultPool } from "vector-quantize/kernels";
import { afterAll, expect } from "vitest";
import { codeEntropiesOnKernels } from "../../packages/vector-quantize/src/losses/codeEntropyOnKernels.ts";
import { type EntropyAnswer, type EntropyOrder, entropiesInPage } from "./entropiesPage.ts";
import { browserTest, withPage } from "./withPage.ts";

afterAll(() => defaultPool().dispose());

const cases = [
  { rows: 60, bits: 7, floor: 0, scale: 40 },
  { rows: 250, bits: 12, floor: 1e-5, scale: 2 },
];

browserTest("entropies on WebGPU are the kernels', without a table of all codes", async () => {
  await withPage({ isolated: true, webgpu: true }, async (page) => {
    for (const { rows, bits, floor, scale } of cases) {
      const x = random.normal(random.key(bits), [rows, bits]).mul(scale);
      const logits = [...(await x.ref.data())];
      const known = await codeEntropiesOnKernels(x.reshape([rows, 1, bits]), undefined, floor);
      const order: EntropyOrder = { bits, floor, logits };
      const { entropies, largest } = await page.run<EntropyAnswer>(`
        const jax = await import("@jax-js/jax");
        const entropy = await import("/packages/vector-quantize/dist/losses/codeEntropy.js");
        return (${entropiesInPage.toString()})(jax, entropy, ${JSON.stringify(order)});
      `);
      expect(largest).toBeLessThan(rows * 2 ** bits); // a quarter of a table of all codes
      const theirs = [
        [known.perSample, known.byPerSample],
        [known.batch, known.byBatch],
      ] as const;
      for (const [at, [value, gradient]] of theirs.entries()) {
        const ours = entropies[at] as EntropyAnswer["entropies"][number];
        const exact = (await value.data())[0] as number;
        expect(Math.abs(ours.value - exact)).toBeLessThan(1e-5 * Math.max(1, exact));
        const slopes = [...(await gradient.data())];
        const scaleOf = Math.max(...slopes.map(Math.abs), 1e-2 / rows);
        const off = slopes.map(
          (slope, i) => Math.abs(slope - (ours.gradient[i] as number)) / scaleOf,
        );
        expect(Math.max(...off)).toBeLessThan(1e-4);
      }
    }
  });
});
