/** The example of a page with a worker, as Vite builds it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "vite";
import { afterAll, beforeAll, expect } from "vitest";
import { root } from "../support/paths.ts";
import { browserTest, withPage } from "./withPage.ts";

const folder = mkdtempSync(join(tmpdir(), "page-"));
beforeAll(async () => {
  const page = join(root, "examples/page");
  await build({ root: page, build: { outDir: folder, emptyOutDir: true }, logLevel: "error" });
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true }));

for (const isolated of [true, false]) {
  browserTest(
    `shows a picture from its codes, ${isolated ? "with" : "without"} threads`,
    async () => {
      await withPage({ isolated, files: { folder, imports: {} } }, async ({ page }) => {
        await page.goto(`${new URL(page.url()).origin}/index.html`);
        const status = page.locator("[role=status]");
        await status.filter({ hasText: /^768 codes of 128: 0.4375 bits a pixel/ }).waitFor();
        // Mean square of what is lost, on bytes, and of the picture around its mean.
        const [lost, spread] = await page.evaluate<[number, number]>(`(() => {
        const [before, after] = ["before", "after"].map((id) => {
          const { width, height } = document.getElementById(id);
          const context = document.getElementById(id).getContext("2d");
          return context.getImageData(0, 0, width, height).data;
        });
        const mean = before.reduce((a, b) => a + b) / before.length;
        const square = (numbers) => numbers.reduce((sum, each) => sum + each * each, 0) / before.length;
        const numbers = [...before];
        return [square(numbers.map((v, i) => v - after[i])), square(numbers.map((v) => v - mean))];
      })()`);
        expect(lost).toBeLessThan(spread / 100);
      });
    },
  );
}
