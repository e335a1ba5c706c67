/** The playground as it is published: built, served and used. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Page } from "playwright-core";
import { expect } from "vitest";
import { scenes } from "../../packages/playground/src/scenes/list.ts";
import { rate } from "../../packages/playground/src/scenes/speech/contract.ts";
import { wavOf } from "../../packages/playground/src/scenes/speech/sounds.ts";
import { voice } from "../../packages/playground/src/scenes/speech/voice.ts";
import { foundByAxe } from "../browser/axe.ts";
import { browserTest } from "../browser/withPage.ts";
import { temporaryFolder } from "../support/vq.ts";
import { folder, inPlayground, untilStep } from "./playground.ts";

/** `PLAYGROUND_WEBGPU=all` trains every scene on WebGPU in software, up to a minute each, and for 50 steps. */
const long = process.env.PLAYGROUND_WEBGPU === "all";

/** The last value of a chart's first line. */
async function lastOf(page: Page, chart: string): Promise<number> {
  const value = page.locator(`section[aria-label="${chart}"] .u-series .u-value`).nth(1);
  return Number(await value.textContent());
}

/** Trains from the start; the values of a chart after the first step and after the last. */
async function train(
  page: Page,
  chart: string,
  steps = 50,
): Promise<[first: number, last: number]> {
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByRole("button", { name: "From the start" }).click();
  await page.getByRole("button", { name: "Step", exact: true }).click();
  await page.getByRole("button", { name: "Step", exact: true }).click();
  await untilStep(page, 2);
  await expect.poll(() => lastOf(page, chart)).toBeGreaterThan(0);
  const first = await lastOf(page, chart);
  await page.getByLabel("Speed").selectOption({ label: "full speed" });
  await page.getByRole("button", { name: "Play" }).click();
  await untilStep(page, steps, long ? 600_000 : 90_000);
  await page.getByRole("button", { name: "Pause" }).click();
  return [first, await lastOf(page, chart)];
}

type Falling = readonly (readonly [hash: string, chart: string])[];

/** What falls as a scene trains. */
const plane = ["codebook", "Distance to the codes"] as const;
const forces = ["commitment", "The two losses"] as const;
const falling: Falling = [
  plane,
  forces,
  ["speech?options.numQuantizers=2", "Error of all layers"],
  ["images?patch=8&width=16", "Reconstruction loss"],
];
/** In software, shaders of more features take minutes to compile. */
const fallingOnWebgpu: Falling = [
  plane,
  forces,
  ["speech?options.numQuantizers=2&options.codebookSize=16", "Error of all layers"],
  ["images?patch=8&width=8&options.dim=4&options.codebookSize=32", "Reconstruction loss"],
];

browserTest(
  "trains 50 steps with falling loss, on WebAssembly",
  () =>
    inPlayground({ isolated: true }, async ({ page, open }) => {
      for (const [hash, chart] of falling) {
        await open(hash);
        const [first, last] = await train(page, chart);
        expect(last, hash).toBeLessThan(first * 0.98);
        expect(await page.textContent("[data-backend]")).toMatch(/WebAssembly.* \d+ threads/);
      }
    }),
  240_000,
);

browserTest(
  "trains with falling loss, on WebGPU",
  () =>
    inPlayground({ isolated: true, webgpu: true }, async ({ page, open }) => {
      for (const [hash, chart] of long ? fallingOnWebgpu : [plane]) {
        await open(hash);
        await page.getByLabel("Device").selectOption("webgpu");
        await page.locator("[data-backend=webgpu]").waitFor();
        const [first, last] = await train(page, chart, long ? 50 : 12);
        expect(last, hash).toBeLessThan(first * (long ? 0.98 : 1));
      }
    }),
  long ? 1_800_000 : 240_000,
);

browserTest("records what the microphone hears, and finds codes for it", async () => {
  using temporary = temporaryFolder();
  const file = (name: string) => join(temporary.path, name);
  writeFileSync(file("said.wav"), wavOf(voice(rate), rate));
  await inPlayground({ isolated: true, microphone: file("said.wav") }, async ({ page, open }) => {
    await open("speech?options.numQuantizers=2");
    await page.getByRole("button", { name: "Record" }).click();
    const stop = page.getByRole("button", { name: "Stop, and listen" });
    await stop.waitFor();
    await page.waitForTimeout(2000); // of what is said
    await stop.click();
    await page.getByRole("radio", { name: "My own", checked: true }).waitFor();
    await untilStep(page, 5);
    await page.getByRole("button", { name: "Hear 2 layers" }).click();
    const saving = page.waitForEvent("download");
    await page.getByRole("button", { name: "Save as .wav" }).click();
    await (await saving).saveAs(file("decoded.wav"));
    const bytes = readFileSync(file("decoded.wav"));
    const samples = new Int16Array(bytes.buffer, bytes.byteOffset + 44, (bytes.length - 44) / 2);
    expect(samples.length / rate).toBeGreaterThan(1);
    expect(samples.length / rate).toBeLessThan(10);
    const loud = samples.filter((value) => Math.abs(value) > 0.05 * 32767).length;
    expect(loud / samples.length).toBeGreaterThan(0.1);
  });
});

browserTest("first loads less than 400 KB", () =>
  inPlayground({ isolated: true }, async ({ page, open, requests }) => {
    await open("codebook");
    await untilStep(page, 5);
    const files = [...new Set(requests)].filter(
      (path) => path.includes(".") && path !== "/favicon.ico",
    );
    const sizes = files.map((path) => gzipSync(readFileSync(join(folder, path))).length);
    const kilobytes = sizes.reduce((sum, size) => sum + size, 0) / 1024;
    expect(kilobytes).toBeLessThan(400);
    expect(kilobytes).toBeGreaterThan(100); // it counted the worker
  }),
);

/** Observers of sizes hear nothing while the page is `held`. */
const holdable = `
  const Observer = ResizeObserver;
  window.ResizeObserver = class extends Observer {
    constructor(hear) {
      super((...all) => window.held || hear(...all));
    }
  };
`;

/** How much wider than the screen the page is. */
const sideways = (page: Page) =>
  page.evaluate<number>("document.documentElement.scrollWidth - innerWidth");

browserTest(
  "axe finds nothing in any scene, light and dark, and all fits a phone",
  () =>
    inPlayground({ isolated: true }, async ({ page, open }) => {
      await page.addInitScript(holdable);
      for (const { id } of scenes) {
        await page.setViewportSize({ width: 1280, height: 800 });
        await open(id);
        const pause = page.getByRole("button", { name: "Pause" });
        if (scenes.find((scene) => scene.id === id)?.plays) await pause.click();
        if (id === "codebook") await page.locator("details summary").click();
        // It fits before any script has heard of the other size.
        await page.evaluate("held = true");
        await page.setViewportSize({ width: 360, height: 800 });
        expect(await sideways(page), `${id} at once`).toBeLessThan(2);
        await page.evaluate("held = false");
        for (const [width, colorScheme] of [
          [375, "dark"],
          [1280, "light"],
        ] as const) {
          await page.setViewportSize({ width, height: 800 });
          await page.emulateMedia({ colorScheme });
          expect(await sideways(page), `${id} at ${width}`).toBeLessThan(2);
          // What changes with colours and width is contrast alone.
          const rule = colorScheme === "light" ? "color-contrast" : undefined;
          expect(await foundByAxe(page, rule), id).toEqual([]);
        }
      }
    }),
  240_000,
);

browserTest("needs no mouse", () =>
  inPlayground({ isolated: true }, async ({ page, open }) => {
    await open("commitment");
    await page.getByRole("button", { name: "Pause" }).focus();
    await page.keyboard.press("Space");
    await page.getByRole("button", { name: "Play" }).waitFor();
    const slider = page.getByRole("slider", { name: "Commitment weight" });
    await slider.focus();
    const before = await slider.getAttribute("aria-valuetext");
    await page.keyboard.press("ArrowRight");
    expect(await slider.getAttribute("aria-valuetext")).not.toBe(before);
    await page.getByRole("button", { name: "What is Commitment weight?" }).focus();
    await page.keyboard.press("Enter");
    await page.getByText("How strongly a vector is pulled to its code").waitFor();
  }),
);

browserTest("a link carries the settings", () =>
  inPlayground({ isolated: true }, async ({ page, open }) => {
    await open("codebook");
    await page.getByLabel("Quantizer", { exact: true }).selectOption("residualVQ");
    await page.getByRole("radio", { name: "Rings" }).check();
    await page.getByRole("slider", { name: "numQuantizers" }).fill("2");
    const hash = new URL(page.url()).hash;
    expect(hash).toContain("options.numQuantizers=2");
    await open(hash.replace("#/", ""));
    expect(await page.getByLabel("Quantizer", { exact: true }).inputValue()).toBe("residualVQ");
    expect(await page.getByRole("radio", { name: "Rings" }).isChecked()).toBe(true);
    expect(await page.getByRole("slider", { name: "numQuantizers" }).inputValue()).toBe("2");
  }),
);

browserTest("says what a wrong option is, and goes on with a right one", () =>
  inPlayground({ isolated: true }, async ({ page, open }) => {
    await open("codebook?options.decay=7");
    await page.getByRole("alert").filter({ hasText: "vectorQuantize: decay: expected" }).waitFor();
    await page.getByRole("slider", { name: "decay" }).fill("0.5");
    await untilStep(page, 3);
    expect(await page.getByRole("alert").count()).toBe(0);
  }),
);

browserTest("has threads without headers, by a service worker", () =>
  inPlayground({ isolated: false }, async ({ page, open }) => {
    await open("codebook");
    await page
      .locator("[data-backend]")
      .filter({ hasText: /[2-9]\d* threads/ })
      .waitFor();
    await untilStep(page, 3);
  }),
);

browserTest("does without service worker and headers, on one thread", () =>
  inPlayground({ isolated: false }, async ({ page, open }) => {
    await page.addInitScript(
      "Object.defineProperty(navigator, 'serviceWorker', { value: undefined })",
    );
    await open("codebook");
    await page.locator("[data-backend]").filter({ hasText: "1 thread" }).waitFor();
    await untilStep(page, 3);
  }),
);
