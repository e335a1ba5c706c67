/*
 * How smooth the built page stays while it trains: its longest task on the main thread, by the clock and
 * by what it took of the processor (on a busy machine the clock tells of the others), and frames a second.
 *
 *   npm run playground:build && node packages/playground/scripts/measure.mjs [seconds]
 */
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { preview } from "vite";

const seconds = Number(process.argv[2] ?? 5);
const root = fileURLToPath(new URL("..", import.meta.url));
const server = await preview({ root, preview: { port: 0, host: "127.0.0.1" } });
const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking"],
});

/** In the page: frames and long tasks of some seconds. */
const watch = (seconds) =>
  new Promise((resolve) => {
    const long = [];
    const observer = new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) long.push(duration);
    });
    observer.observe({ type: "longtask" });
    let frames = 0;
    const begin = performance.now();
    const count = () => {
      frames++;
      const passed = performance.now() - begin;
      if (passed < 1000 * seconds) requestAnimationFrame(count);
      else resolve({ frames: (1000 * frames) / passed, longest: Math.max(0, ...long) });
    };
    requestAnimationFrame(count);
  });

/** The longest task of the page's main thread in a trace, in milliseconds of the processor. */
function longestOf(trace) {
  const { traceEvents } = JSON.parse(trace.toString());
  const main = traceEvents.filter(
    ({ name, args }) => name === "thread_name" && args.name === "CrRendererMain",
  );
  const own = traceEvents.filter(
    ({ name, pid, tid, tdur }) =>
      /RunTask$/.test(name) && tdur && main.some((of) => of.pid === pid && of.tid === tid),
  );
  return Math.max(0, ...own.map(({ tdur }) => tdur)) / 1000;
}

console.log(`${availableParallelism()} threads, ${browser.version()}, ${seconds} s a scene`);
console.log("scene        longest task   of the processor   frames a second   steps a second");
for (const scene of ["codebook", "commitment", "levels", "images", "speech"]) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  await page.goto(`http://127.0.0.1:${server.httpServer.address().port}/#/${scene}`);
  await page.getByLabel("Speed").selectOption({ label: "full speed" });
  const step = async () =>
    Number((await page.textContent(".transport output")).match(/\d+/)?.[0] ?? 0);
  while ((await step()) < 5) await page.waitForTimeout(100);
  const before = await step();
  await browser.startTracing(page, { categories: ["toplevel", "devtools.timeline"] });
  const { frames, longest } = await page.evaluate(watch, seconds);
  const processor = longestOf(await browser.stopTracing());
  const rate = ((await step()) - before) / seconds;
  const task = longest === 0 ? "under 50 ms" : `${longest.toFixed(0)} ms`;
  const cells = [scene.padEnd(12), task.padEnd(14), `${processor.toFixed(0)} ms`.padEnd(18)];
  console.log([...cells, frames.toFixed(0).padEnd(17), rate.toFixed(0)].join(" "));
  await page.close();
}
await browser.close();
await server.close();
