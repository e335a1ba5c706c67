import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { lineKernels } from "../../../../../test/support/poolStress.ts";
import { currentPlatform, type Platform, type WorkerHandle } from "./platform.ts";
import { WorkerPool } from "./workerPool.ts";

const ROWS = 40;

/** The answers of a job that is worth threads. */
async function lineOn(pool: WorkerPool): Promise<number[]> {
  const { line } = await pool.load(lineKernels, "plain");
  const out = pool.memory.allocate(4 * ROWS);
  const job = { rows: ROWS, chunkRows: 4, work: 1e9, args: [out, 3, 1] };
  expect(await pool.exclusive(() => pool.run(line, job))).toBe(ROWS);
  return [...pool.memory.i32(out, ROWS)];
}

const right = Array.from({ length: ROWS }, (_, n) => 3 * n + 1);

/** A worker of which nothing is heard but an error. */
const failing = (): WorkerHandle => ({
  postMessage() {},
  listen(_, onError) {
    setTimeout(() => onError(new Error("it may not be loaded")));
  },
  terminate() {},
});

const refusing = (): WorkerHandle => {
  throw new Error("no thread is left");
};

describe.each([true, false])("a pool whose thread may block: %s", (mayBlock) => {
  const withSpawn = (spawn: Platform["spawn"]) =>
    new WorkerPool({ ...currentPlatform(), mayBlock, spawn }, 3);
  const warn = vi.spyOn(console, "warn");
  beforeEach(() => void warn.mockReset());
  afterEach(() => warn.mockReset());

  it.each([
    ["can't be made", refusing],
    ["can't be loaded", failing],
  ])("does without workers that %s", async (_, spawn) => {
    const pool = withSpawn(spawn);
    expect(await lineOn(pool)).toEqual(right);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(pool.threads).toBe(1);
    expect(await lineOn(pool)).toEqual(right);
    pool.dispose();
  });

  it("makes do with those that it gets", async () => {
    const real = currentPlatform();
    let made = 0;
    const pool = withSpawn((source) => (made++ === 0 ? real.spawn(source) : refusing()));
    expect(await lineOn(pool)).toEqual(right);
    expect(await lineOn(pool)).toEqual(right);
    expect(made).toBe(2);
    pool.dispose();
  });

  it("gives the reason why a worker failed in use, and no answer after that", async () => {
    const real = currentPlatform();
    let useOne = (_: (error: Error) => void) => {};
    const used = new Promise<(error: Error) => void>((resolve) => {
      useOne = resolve;
    });
    const pool = withSpawn((source) => {
      const handle = real.spawn(source);
      const listen: WorkerHandle["listen"] = (onMessage, onError) =>
        handle.listen((message) => {
          onMessage(message);
          useOne(onError);
        }, onError);
      return { ...handle, listen };
    });
    expect(await lineOn(pool)).toEqual(right);
    const fail = await used;
    fail(new Error("out of memory"));
    await expect(lineOn(pool)).rejects.toThrow("a worker failed: out of memory. `createPool");
    pool.dispose();
  });
});

it("says once, for all pools, why there are fewer threads", async () => {
  vi.resetModules();
  const { WorkerPool: Fresh } = await import("./workerPool.ts");
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
  for (let i = 0; i < 2; i++) {
    const pool = new Fresh({ ...currentPlatform(), spawn: refusing }, 3);
    expect(await lineOn(pool)).toEqual(right);
    pool.dispose();
  }
  expect(warn.mock.calls).toEqual([
    ["vector-quantize: on fewer threads, for workers could not be started: no thread is left"],
  ]);
  warn.mockRestore();
});
