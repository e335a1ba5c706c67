import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { Worker } from "node:worker_threads";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { packCodebook } from "../search/packedCodebook.ts";
import { nearestScratch } from "../search/tileChoice.ts";
import { safeTile } from "../search/tileShape.ts";
import { searchKernels } from "./binaries/search.ts";
import { createPool, defaultPool } from "./createPool.ts";
import { supports } from "./kernelModule.ts";
import { KernelMemory, Scope } from "./memory.ts";
import { runInParts } from "./parts.ts";
import type { Kernel, Pool } from "./pool.ts";

/** A kernel whose function is `run`: what the pool does is seen without any arithmetic. */
function fake(run: (begin: number, end: number) => number): Kernel {
  return { id: 99, call: run };
}

const built = new URL("../../../dist/entrances/kernels.js", import.meta.url).href;

describe("KernelMemory", () => {
  test("hands out regions that do not overlap, and joins freed ones", () => {
    const memory = new KernelMemory(false);
    const sizes = [1, 100, 5000, 1 << 20, 128];
    const regions = sizes.map((size) => memory.allocate(size));
    for (const [i, start] of regions.entries()) {
      expect(start % 128).toBe(0);
      for (const [j, other] of regions.entries()) {
        const apart = other >= start + sizes[i]! || other + sizes[j]! <= start;
        expect(i === j || apart).toBe(true);
      }
    }
    const grown = memory.memory.buffer.byteLength;
    for (const at of [1, 3, 0, 4, 2]) memory.free(regions[at]!);
    expect(memory.used).toBe(0);
    expect(memory.allocate(grown - 8192)).toBe(regions[0]);
    expect(memory.memory.buffer.byteLength).toBe(grown);
  });

  test("says when it is full, and what was freed twice", () => {
    const memory = new KernelMemory(false);
    expect(() => memory.allocate(2 ** 33)).toThrow("kernel memory: expected room for");
    const region = memory.allocate(8);
    memory.free(region);
    expect(() => memory.free(region)).toThrow("no region starts at");
  });
});

describe("Scope", () => {
  const memory = new KernelMemory(false);
  const failing = (scope: Scope) => {
    scope.allocate(8);
    throw new Error("no");
  };

  test("holds copies and zeros, and gives all back, what it adopted first", () => {
    const scope = new Scope(memory);
    const freed: number[] = [];
    const copy = scope.copyOf(Float64Array.of(1, 2));
    const zeros = scope.zeros(12);
    scope.adopt({ free: () => freed.push(memory.used) });
    expect([...memory.f64(copy, 2)]).toEqual([1, 2]);
    expect([...memory.i32(zeros, 3)]).toEqual([0, 0, 0]);
    const used = memory.used;
    scope.free();
    scope.free();
    expect(freed).toEqual([used]);
    expect(memory.used).toBe(0);
  });

  test("lend gives all back in the end, hold on an error alone", async () => {
    expect(await memory.lend((scope) => scope.allocate(8) && memory.used)).toBeGreaterThan(0);
    expect(memory.used).toBe(0);
    await expect(memory.lend(failing)).rejects.toThrow("no");
    await expect(memory.hold(failing)).rejects.toThrow("no");
    expect(memory.used).toBe(0);
    const held = await memory.hold((scope) => {
      scope.allocate(8);
      return scope;
    });
    expect(memory.used).toBeGreaterThan(0);
    held.free();
  });
});

describe("runInParts", () => {
  const pool = createPool({ threads: 1 });
  const { memory } = pool;
  afterAll(() => pool.dispose());

  test("brings all rows in and copies all answers out, a part at a time", async () => {
    const [rows, width] = [50, 2 ** 17]; // 24 rows of 512 KB in a part of 16 MB
    const vectors = Float32Array.from({ length: rows * width }, (_, i) => i / width);
    const sums = new Float32Array(rows);
    const wide = new BigInt64Array(2 * rows);
    let [x, y, z] = [0, 0, 0];
    const kernel = fake((begin, end) => {
      for (let n = begin; n < end; n++) {
        const row = memory.f32(x + 4 * n * width, width);
        memory.f32(y, end)[n] = (row[0] as number) + Math.round(row[width - 1] as number);
        memory.write(z + 16 * n, BigInt64Array.of(BigInt(row[0] as number), -1n));
      }
      return end - begin;
    });
    const parts: number[] = [];
    const outside = { rows, from: vectors, to: [sums, wide] };
    const count = await pool.exclusive((scope) =>
      runInParts(pool, scope, kernel, outside, (n, from, ...to) => {
        [x, y, z] = [from, ...to] as [number, number, number];
        parts.push(n);
        return { chunkRows: 5, work: 1, args: [] };
      }),
    );
    expect(parts).toEqual([24, 24, 2]);
    expect(count).toBe(rows);
    expect(sums).toEqual(Float32Array.from({ length: rows }, (_, n) => 2 * n + 1));
    expect(wide).toEqual(
      BigInt64Array.from({ length: 2 * rows }, (_, i) => (i % 2 ? -1n : BigInt(i / 2))),
    );
  });

  test.each([
    ["few rows before the kernel runs", 2 ** 17, true],
    ["many while it runs", 2 ** 17 + 1, false],
  ])("brings in %s", async (_, rows, before) => {
    const from = new Float32Array(rows).fill(1);
    const run = vi.spyOn(pool, "run").mockImplementation(async (_kernel, { args, fill }) => {
      expect(fill === undefined).toBe(before);
      fill?.(0, rows);
      return memory.f32(args[0]!, rows).indexOf(0);
    });
    const jobOf = (_rows: number, x: number) => {
      memory.f32(x, rows).fill(0);
      return { chunkRows: 1, work: 1, args: [x] };
    };
    const kernel = fake(() => 0);
    const outside = { rows, from, to: [] };
    expect(await pool.exclusive((scope) => runInParts(pool, scope, kernel, outside, jobOf))).toBe(
      -1,
    );
    run.mockRestore();
  });

  test("does nothing without rows", async () => {
    const outside = { rows: 0, from: new Float32Array(0), to: [new Int32Array(0)] };
    const jobOf = () => {
      throw new Error("asked");
    };
    const count = pool.exclusive((scope) =>
      runInParts(
        pool,
        scope,
        fake(() => 1),
        outside,
        jobOf,
      ),
    );
    expect(await count).toBe(0);
  });
});

describe("Pool", () => {
  let pool: Pool;
  beforeAll(() => {
    pool = createPool({ threads: 3 });
  });
  afterAll(() => pool.dispose());

  test("a small job runs on the calling thread, chunk by chunk, after it was filled", async () => {
    const calls: unknown[] = [];
    const kernel = fake((begin, end) => calls.push([begin, end]));
    const fill = (begin: number, end: number) => calls.push(["fill", begin, end]);
    const count = await pool.run(kernel, { rows: 7, chunkRows: 2, work: 1e5, args: [], fill });
    expect(calls).toEqual([
      ["fill", 0, 7],
      [0, 2],
      [2, 4],
      [4, 6],
      [6, 7],
    ]);
    expect(count).toBe(2 + 3 + 4 + 5);
    expect(await pool.run(kernel, { rows: 0, chunkRows: 2, work: 0, args: [] })).toBe(0);
  });

  test("tasks wait for one another, also after one that failed", async () => {
    const order: number[] = [];
    const slow = pool.exclusive(async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      order.push(1);
      throw new Error("first");
    });
    const next = pool.exclusive(() => order.push(2));
    await expect(slow).rejects.toThrow("first");
    await next;
    expect(order).toEqual([1, 2]);
  });

  test("an error while filling or in a kernel comes out, and the pool goes on", async () => {
    const { nearest } = await pool.load(searchKernels, pool.form);
    const { form, memory } = pool;
    const shape = { dim: 1, size: 2, metric: "dot", tile: safeTile(form), form } as const;
    const book = await packCodebook(pool, shape);
    await book.set(new Float32Array([1, 2]));
    const rows = 1000;
    const x = memory.allocate(4 * rows);
    const out = memory.allocate(8 * rows);
    const job = { rows, chunkRows: 10, work: 1e9, scratch: nearestScratch(1, 12) };
    const args = [book.header, x, out, out + 4 * rows, 12];

    const fill = (begin: number) => {
      if (begin > 300) throw new Error("no more rows");
    };
    const refused = pool.exclusive(() => pool.run(nearest, { ...job, args, fill }));
    await expect(refused).rejects.toThrow("no more rows");
    const outside = { ...job, args: [0xffffff00, ...args.slice(1)] };
    await expect(pool.exclusive(() => pool.run(nearest, outside))).rejects.toThrow("trapped");

    memory.f32(x, rows).fill(1);
    expect(await pool.exclusive(() => pool.run(nearest, { ...job, args }))).toBe(0);
    expect(memory.i32(out, rows).every((index) => index === 1)).toBe(true);
  });

  test("the default pool is made anew after it was disposed of", () => {
    const first = defaultPool();
    expect(defaultPool()).toBe(first);
    first.dispose();
    expect(defaultPool()).not.toBe(first);
    defaultPool().dispose();
  });

  test("says what it can't do", async () => {
    expect(() => createPool({ threads: 0 })).toThrow("createPool: threads");
    const own = createPool({ threads: 1 });
    own.dispose();
    await expect(own.exclusive(() => 1)).rejects.toThrow("disposed");
  });
});

test("this engine is told by validation", () => {
  expect(supports("plain")).toBe(true);
  const [major = 0] = process.versions.node.split(".").map(Number);
  expect(supports("relaxed")).toBe(major >= 22);
});

const long = `
  const { createSearch, createPool } = await import(${JSON.stringify(built)});
  const wave = (length) => Float32Array.from({ length }, (_, i) => Math.sin(i * i));
  const search = await createSearch(wave(512 * 64), { dim: 64 });
  const { indices } = await search.nearest(wave(2048 * 64));
`;

test("a process ends by itself while its workers sleep", async () => {
  const script = `${long} console.log(indices.length);`;
  const { stdout } = await promisify(execFile)(process.execPath, [
    "--input-type=module",
    "-e",
    script,
  ]);
  expect(stdout.trim()).toBe("2048");
});

test("a worker thread can search, and ends by itself", async () => {
  const script = `(async () => {${long}
    require("node:worker_threads").parentPort.postMessage(indices.length); })()`;
  const worker = new Worker(script, { eval: true });
  const ended = new Promise((resolve) => worker.once("exit", resolve));
  expect(await new Promise((resolve) => worker.once("message", resolve))).toBe(2048);
  expect(await ended).toBe(0);
});
