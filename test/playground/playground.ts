/** The playground, built once for a test file, and opened in a browser. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { build } from "vite";
import { afterAll, beforeAll, expect } from "vitest";
import { type PageOptions, withPage } from "../browser/withPage.ts";
import { root } from "../support/paths.ts";

/** Where it is built to. */
export const folder = mkdtempSync(join(tmpdir(), "playground-"));
beforeAll(async () => {
  const source = join(root, "packages/playground");
  await build({
    configFile: join(source, "vite.config.ts"),
    build: { outDir: folder, emptyOutDir: true },
    logLevel: "error",
  });
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true }));

export interface Playground {
  readonly page: Page;
  readonly requests: readonly string[];
  /** Opens a scene by its link. */
  open(hash: string): Promise<void>;
}

/** Opens the playground, and throws if it had anything to say in the console. */
export async function inPlayground(
  options: Omit<PageOptions, "files">,
  use: (playground: Playground) => Promise<void>,
): Promise<void> {
  await withPage({ ...options, files: { folder, imports: {} } }, async ({ page, requests }) => {
    const said: string[] = [];
    page.on("console", (message) => {
      // The empty page that the browser comes from has no icon.
      if (message.location().url.endsWith("/favicon.ico")) return;
      if (["error", "warning"].includes(message.type())) said.push(message.text());
    });
    page.setDefaultTimeout(90_000); // machines may be busy
    const { origin } = new URL(page.url());
    await use({
      page,
      requests,
      async open(hash) {
        await page.goto("about:blank");
        await page.goto(`${origin}/index.html#/${hash}`);
        await page.locator(".stage").waitFor();
      },
    });
    expect(said).toEqual([]);
  });
}

/** How many steps the scene has taken. */
export const stepOf = async (page: Page) =>
  Number((await page.textContent(".transport output"))?.match(/\d+/)?.[0]);

/** Waits until it has taken so many. */
export async function untilStep(page: Page, step: number, timeout = 90_000): Promise<void> {
  await expect.poll(() => stepOf(page), { timeout, interval: 50 }).toBeGreaterThanOrEqual(step);
}
