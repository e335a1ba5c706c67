import { existsSync } from "node:fs";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, test } from "vitest";
import { type PageFiles, servePage } from "./server.ts";

/** The first is the browser without its windows: the same engine starts and draws in half the time. */
const executablePath = ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"]
  .map((name) => `/usr/bin/${name}`)
  .find((path) => existsSync(path));

export interface PageOptions {
  /** Whether the page is cross-origin isolated, that is, may share memory with workers. */
  isolated: boolean;
  /** Whether WebGPU works, in software. Default false. */
  webgpu?: boolean;
  /** The page's Content-Security-Policy. Default: none. */
  contentSecurityPolicy?: string;
  /** What can be imported in place of the built packages. */
  files?: PageFiles;
  /** A WAV file that the browser's microphone hears, over and over. Default: no microphone. */
  microphone?: string;
}

/** A page in which the built packages can be imported by their names. */
export interface TestPage {
  /**
   * Runs the body of an async function in the page and returns its (JSON) result. It is text, so
   * that no tool rewrites its imports: pass values in with `JSON.stringify`.
   */
  run<T>(body: string): Promise<T>;
  /** Paths that the page has loaded. */
  readonly requests: readonly string[];
  /** The page itself. */
  readonly page: Page;
}

/** The browsers of a test file, by what they were started with: a page has a context of its own. */
const browsers = new Map<string, Promise<Browser>>();
afterAll(async () => {
  for (const browser of browsers.values()) await (await browser).close();
});

function browserWith(args: readonly string[]): Promise<Browser> {
  if (executablePath === undefined) throw new Error("no Chromium was found under /usr/bin");
  const key = args.join(" ");
  const known = browsers.get(key);
  if (known) return known;
  const started = chromium.launch({
    executablePath,
    args: [
      "--no-sandbox",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      ...args,
    ],
  });
  browsers.set(key, started);
  return started;
}

/**
 * Opens an empty page in headless Chromium, for as long as `use` takes, and throws if the page
 * raised an error that nobody caught.
 *
 * ```ts
 * const sum = await withPage({ isolated: true }, ({ run }) =>
 *   run<number>(`
 *     const { numpy: np } = await import("@jax-js/jax");
 *     return (await np.sum(np.ones([2, 3])).data())[0];
 *   `),
 * );
 * ```
 */
export async function withPage<T>(
  { isolated, webgpu = false, contentSecurityPolicy, files, microphone }: PageOptions,
  use: (page: TestPage) => Promise<T>,
): Promise<T> {
  const browser = await browserWith([
    ...(webgpu ? ["--enable-unsafe-webgpu"] : []),
    ...(microphone === undefined
      ? []
      : [
          "--use-fake-device-for-media-stream",
          "--use-fake-ui-for-media-stream",
          `--use-file-for-fake-audio-capture=${microphone}`,
        ]),
  ]);
  const server = await servePage(isolated, contentSecurityPolicy, files);
  try {
    const context = await browser.newContext();
    try {
      const page = await context.newPage();
      const errors: Error[] = [];
      page.on("pageerror", (error) => errors.push(error));
      await page.goto(server.url);
      const result = await use({
        run: (body) => page.evaluate(`(async () => {${body}\n})()`),
        requests: server.requests,
        page,
      });
      if (errors[0] !== undefined) throw errors[0];
      return result;
    } finally {
      await context.close();
    }
  } finally {
    server.close();
  }
}

/** One page for several tests: opened when first asked for, there until it is closed. */
export function sharedPage(options: PageOptions): { open(): Promise<TestPage>; close(): void } {
  let page: Promise<TestPage> | undefined;
  let close = () => {};
  return {
    open() {
      page ??= new Promise((resolve, reject) => {
        const closed = new Promise<void>((done) => {
          close = done;
        });
        withPage(options, (opened) => {
          resolve(opened);
          return closed;
        }).catch(reject);
      });
      return page;
    },
    close: () => close(),
  };
}

/** A test that needs Chromium, and is skipped with a word about it where there is none. */
export function browserTest(name: string, body: () => Promise<void>, timeout = 60_000): void {
  test(name, { timeout }, async ({ skip }) => {
    if (executablePath === undefined) skip("no Chromium was found under /usr/bin");
    await body();
  });
}
