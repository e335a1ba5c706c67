/** Pages with a worker, as Vite builds them: the example, and the one in the guide. */
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
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

browserTest("the guide's page gets codes from its worker", async () => {
  const guide = mkdtempSync(join(tmpdir(), "guide-"));
  try {
    const text = readFileSync(join(root, "docs/browser.md"), "utf8");
    for (const name of ["page.js", "codes.js"]) {
      const block = text.split("```").find((part) => part.startsWith(`js\n// ${name}\n`));
      writeFileSync(join(guide, name), String(block).slice("js".length));
    }
    writeFileSync(join(guide, "index.html"), `<script type="module" src="/page.js"></script>`);
    symlinkSync(join(root, "node_modules"), join(guide, "node_modules"));
    await build({ root: guide, logLevel: "error" });
    const codebook = Float32Array.from({ length: 8 * 64 }, (_, i) => Math.abs(i - 200));
    writeFileSync(join(guide, "dist/codebook.f32"), codebook);
    const files = { folder: join(guide, "dist"), imports: {} };
    await withPage({ isolated: true, files }, async ({ page }) => {
      const told = page.waitForEvent("console", (message) => message.type() === "log");
      await page.goto(`${new URL(page.url()).origin}/index.html`);
      const codes = (await (await told).args()[0]?.evaluate((codes) => [...codes])) as number[];
      expect(codes).toEqual(Array(4096).fill(3)); // the code around 200 is nearest to 0
    });
  } finally {
    rmSync(guide, { recursive: true });
  }
});
