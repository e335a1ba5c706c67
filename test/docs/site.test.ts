/**
 * The site as it is published: built, whole, and read by everybody. Of the API it has one page; all of them, as
 * VitePress builds them, by `SITE=all`.
 */
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { foundByAxe } from "../browser/axe.ts";
import { browserTest, withPage } from "../browser/withPage.ts";
import { packageRoot, root } from "../support/paths.ts";

const site = mkdtempSync(join(tmpdir(), "site-"));
const docs = join(root, "docs");
const execute = promisify(execFile);

beforeAll(async () => {
  const env = { ...process.env, SITE: process.env.SITE ?? "guides" };
  const npm = (...args: string[]) => execute("npm", args, { cwd: docs, env, timeout: 600_000 });
  await npm("run", "api");
  await npm("run", "live");
  await npm("exec", "--", "vitepress", "build", ".", "--outDir", site);
}, 600_000);
afterAll(() => rmSync(site, { recursive: true }));

const pages = (folder: string, kind: string) =>
  readdirSync(folder, { recursive: true, encoding: "utf8" }).filter(
    (file) => file.endsWith(kind) && !file.includes("node_modules"),
  );

test("no link leads nowhere", () => {
  const dead = pages(docs, ".md").flatMap((page) => {
    const text = readFileSync(join(docs, page), "utf8").replace(/^```.*?^```/gms, "");
    const links = [...text.matchAll(/\]\(([^)\s#]+)/g)].map(([, link]) => link as string);
    return links
      .filter((link) => !/^[a-z]+:/.test(link))
      .map((link) => join(docs, link.startsWith("/") ? link : join(dirname(page), link)))
      .filter((path) => !["", ".md", "/index.md"].some((end) => existsSync(path + end)))
      .map((path) => `${page}: ${path}`);
  });
  expect(dead).toEqual([]);
});

test("every page that the menu names is there, and every page is in the menu", () => {
  const named = [
    ...readFileSync(join(docs, ".vitepress/config.ts"), "utf8").matchAll(/link: "\/([\w-]+)"/g),
  ].map(([, name]) => `${name}.html`);
  const written = readdirSync(site).filter((file) => file.endsWith(".html"));
  const others = ["404.html", "index.html"];
  expect([...new Set(named)].sort()).toEqual(
    written.filter((file) => !others.includes(file)).sort(),
  );
});

test("every exported name has a page", async () => {
  const { exports } = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8"));
  const entrances = Object.keys(exports).map((path) => join("vector-quantize", path));
  for (const entrance of [...entrances, "vector-quantize-onnx", "vector-quantize-mpi"]) {
    const names = Object.keys(await import(/* @vite-ignore */ entrance));
    const found = pages(join(docs, "api", entrance), ".md");
    const titles = new Set(found.map((file) => file.replace(/^.*\/|\.md$/g, "")));
    expect(names.filter((name) => !titles.has(name))).toEqual([]);
  }
});

test("the tests that hold the promises exist", () => {
  const text = readFileSync(join(docs, "promises.md"), "utf8");
  const files = [...text.matchAll(/`([\w/.]+(?:\.ts|\.py|\/))`/g)].map(([, file]) => file ?? "");
  const places = ["", "packages/vector-quantize/src"].map((folder) => join(root, folder));
  expect(files.length).toBeGreaterThan(15);
  expect(files.filter((file) => !places.some((place) => existsSync(join(place, file))))).toEqual(
    [],
  );
});

test("every paper that the sources name is on the list", () => {
  const list = readFileSync(join(docs, "papers.md"), "utf8");
  const sources = readdirSync(join(packageRoot, "src"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => readFileSync(join(packageRoot, "src", file), "utf8"));
  const cited = sources.flatMap((text) => text.match(/https:\/\/arxiv\.org\/abs\/[\d.]*\d/g) ?? []);
  expect([...new Set(cited)].filter((url) => !list.includes(url))).toEqual([]);
});

const looked = [
  "index",
  "cli",
  "playground",
  "api/vector-quantize/interfaces/VectorQuantizeOptions",
];
const sizes = [
  [1280, "light", "dark"],
  [375, "dark", "light"],
] as const;

browserTest(
  "axe finds nothing, light and dark, on a desktop and on a phone",
  async () => {
    expect(pages(site, ".html")).toEqual(
      expect.arrayContaining(looked.map((name) => `${name}.html`)),
    );
    await withPage({ isolated: false, files: { folder: site, imports: {} } }, async ({ page }) => {
      const { origin } = new URL(page.url());
      for (const [width, colorScheme, other] of sizes) {
        await page.setViewportSize({ width, height: 800 });
        for (const name of looked) {
          await page.emulateMedia({ colorScheme });
          await page.goto(`${origin}/${name}.html`);
          await page.waitForSelector("main, [role=main]");
          if (name === "playground") {
            await page.frameLocator(".playground").getByRole("button", { name: "Pause" }).click();
          }
          expect(await foundByAxe(page), `${name} at ${width}`).toEqual([]);
          const sideways = "document.documentElement.scrollWidth - innerWidth";
          expect(await page.evaluate<number>(sideways), `${name} at ${width}`).toBeLessThan(2);
          // What changes with colours is contrast alone.
          await page.emulateMedia({ colorScheme: other });
          await page.waitForSelector(other === "dark" ? "html.dark" : "html:not(.dark)");
          expect(await foundByAxe(page, "color-contrast"), `${name}, ${other}`).toEqual([]);
        }
      }
    });
  },
  240_000,
);

browserTest("the playground trains within its page, in the page's colours", async () => {
  await withPage({ isolated: false, files: { folder: site, imports: {} } }, async ({ page }) => {
    await page.emulateMedia({ colorScheme: "dark" });
    await page.goto(`${new URL(page.url()).origin}/playground.html`);
    const frame = page.frameLocator("iframe.playground");
    await frame.locator("[data-backend]").filter({ hasText: "1 thread" }).waitFor();
    const steps = frame.locator("output").filter({ hasText: /^step [1-9]/ });
    await steps.waitFor();
    const step = async () => Number((await steps.textContent())?.replace("step", ""));
    const before = await step();
    await frame.locator("html[data-theme=dark]").waitFor();
    await page.getByRole("switch", { name: "Switch to light theme" }).click();
    await frame.locator("html[data-theme=light]").waitFor();
    expect(await step()).toBeGreaterThanOrEqual(before); // it was not loaded anew
  });
});

browserTest("the page of hashes finds the same codes", async () => {
  await withPage({ isolated: true, files: { folder: site, imports: {} } }, async ({ page }) => {
    await page.goto(`${new URL(page.url()).origin}/same-codes.html`);
    await page.click("text=Compute them in this browser");
    await page.waitForSelector("td.the-same", { timeout: 60_000 });
    expect(await page.locator("td.the-same").count()).toBe(await page.locator("tbody tr").count());
  });
});
