/** The report as a browser shows it. */
import { expect } from "vitest";
import { browserTest, withPage } from "../../../../test/browser/withPage.ts";
import { gallery } from "./gallery.ts";
import { type MetricLine, reportPage } from "./page.ts";

const table = { columns: ["setting", "value"], rows: [["patch", "4"]] };
const history = Array.from({ length: 30 }, (_, i): MetricLine => {
  const step = 100 * (i + 1);
  const numbers = { seconds: step, loss: 1 / step, reconstruction: 0.5 / step, commitment: 0.1 };
  return { step, ...numbers, psnr: 20, perplexity: 3, usedCodes: 4, imagesPerSecond: 9 };
});
/** The smallest WebP file. */
const webp = Buffer.from("UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA==", "base64");
const name = '"a" <b> & c.jpg';
const size = { width: 600, height: 40 };

const html = reportPage({
  ...{ title: "A title", summary: "A summary.", numbers: [["PSNR", "20 dB"]], history },
  ...{ validation: [{ step: 1500, psnr: 19 }], usage: [5, 0, 2, 9], measured: "" },
  score: {
    ...{ title: "PSNR", y: "PSNR in dB", key: "psnr" },
    lines: [{ name: "PSNR", key: "psnr" }],
  },
  gallery: {
    words: "Move the line.",
    content: gallery([{ name, ...size, of: size, psnr: 20, original: webp, reconstruction: webp }]),
  },
  codebook: { picture: webp, words: "4 of the 4 codes" },
  ...{ set: { ...table, explained: true }, defaults: table, layers: table },
});

browserTest("sliders and charts are read by keys and by pointer, on narrow pages too", async () => {
  await withPage({ isolated: false }, async ({ page }) => {
    await page.setViewportSize({ width: 375, height: 700 });
    await page.setContent(html);
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(375);
    const slider = page.getByLabel(`${name}: line between original and reconstruction`);
    await slider.focus();
    await page.keyboard.press("ArrowLeft");
    await page.keyboard.press("ArrowLeft");
    const line = () =>
      page.evaluate('document.querySelector(".pair").style.getPropertyValue("--at")');
    expect(await line()).toBe("48%");
    expect(await page.getByAltText(`${name}, reconstruction`).count()).toBe(1);
    const chart = page.locator("figure", { hasText: "PSNR" }).last();
    const words = () => chart.locator("output").textContent();
    expect(await words()).toBe("step 3000: PSNR 20, held back 19 (at 1500)");
    await page.getByLabel("PSNR: step").focus();
    await page.keyboard.press("Home");
    expect(await words()).toBe("step 100: PSNR 20, held back 19 (at 1500)");
    const loss = page.locator("figure", { hasText: "total" }).first();
    await loss.locator("svg").hover({ position: { x: 190, y: 60 } });
    expect(await loss.locator("output").textContent()).toMatch(
      /^step 1[67]00: total 0\.000\d+, reconstruction 0\.000\d+$/,
    );
  });
});
