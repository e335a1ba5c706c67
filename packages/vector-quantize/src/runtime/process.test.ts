/** What a whole process does: exits, errors and import order, on the built package. */
import { spawn } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../../../..", import.meta.url));

/** Runs a module in a new process; it must end by itself. */
function run(source: string): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ["--input-type=module", "--eval", source], {
      cwd: root,
      timeout: 20_000,
    });
    const output = { stdout: "", stderr: "" };
    child.stdout.on("data", (text) => {
      output.stdout += text;
    });
    child.stderr.on("data", (text) => {
      output.stderr += text;
    });
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, ...output }));
  });
}

/** A worker of our own on the adapter, to provoke what jax-js's would do only in distress. */
const startWorker = (source: string) => `
import "vector-quantize/node";
const worker = new Worker(URL.createObjectURL(new Blob([${JSON.stringify(source)}])));
`;

/** Prints a digest of a product of pseudo-random matrices. */
const product = `
const { numpy: np, random } = await import("@jax-js/jax");
const a = random.normal(random.key(0), [1000, 200]), b = random.normal(random.key(1), [200, 300]);
const { createHash } = await import("node:crypto");
const { buffer } = await np.tanh(np.matmul(a, b)).data();
console.log(createHash("sha256").update(new Uint8Array(buffer)).digest("hex"));
`;

describe("exit", () => {
  test("the process ends by itself and keeps its exit code", async () => {
    const { code, stdout } = await run(`
      import "vector-quantize/node";
      process.exitCode = 3;
      ${product}
    `);
    expect(stdout).toMatch(/^[0-9a-f]{64}\n$/);
    expect(code).toBe(3);
  });

  test("process.exit works while threads compute", async () => {
    const { code } = await run(`
      ${startWorker("self.onmessage = () => { for (;;); };")}
      worker.postMessage(1);
      setTimeout(() => process.exit(4), 200);
    `);
    expect(code).toBe(4);
  });

  test("a pending answer holds the process", async () => {
    const { code, stdout } = await run(`
      ${startWorker("self.onmessage = () => setTimeout(() => postMessage('late'), 300);")}
      worker.onmessage = ({ data }) => console.log(data);
      worker.postMessage(1);
    `);
    expect([code, stdout]).toEqual([0, "late\n"]);
  });

  test.skipIf(availableParallelism() === 1)(
    "kernels that have started keep their threads, and the refusal of others changes nothing",
    async () => {
      const { stdout } = await run(`
      import { initNode } from "vector-quantize/node";
      import { kmeans } from "vector-quantize/kernels";
      await kmeans(new Float32Array([1, 2, 3]), { dim: 1, clusters: 2 });
      const { threads } = await initNode();
      console.log(await initNode({ threads: threads === 1 ? 2 : 1 }).catch(({ message }) => message));
      console.log((await initNode()).threads === threads, (await initNode({ threads })).threads === threads);
    `);
      expect(stdout).toMatch(
        /^threads: expected \d+, as the kernels have been started with, got \d+\..*\ntrue true\n$/,
      );
    },
  );

  test("terminate stops a worker that never answers", async () => {
    const { code } = await run(`
      ${startWorker("self.onmessage = () => { for (;;); };")}
      worker.postMessage(1);
      setTimeout(() => worker.terminate(), 200);
    `);
    expect(code).toBe(0);
  });
});

describe("errors in a worker end the process", () => {
  test.each([
    [
      "a kernel that fails",
      "self.onmessage = () => postMessage({ ok: false, error: 'trap 7' });",
      "trap 7",
    ],
    ["an exception", "self.onmessage = () => { throw new Error('odd 7'); };", "odd 7"],
    ["source that cannot be read", "this is not a program", "SyntaxError"],
    ["an exit", "self.onmessage = () => process.exit(5);", "exited with code 5"],
  ])("%s", async (_, source, message) => {
    const { code, stderr } = await run(`${startWorker(source)} worker.postMessage(1);`);
    expect(stderr).toContain(message);
    expect(code).toBe(1);
  });
});

describe("threads", () => {
  test("any number of them computes what none computes", { timeout: 90_000 }, async () => {
    const none = await run(product);
    expect(none.stdout).toMatch(/^[0-9a-f]{64}\n$/);
    for (const threads of [1, 2, 3, 4, 64]) {
      const some = await run(
        `import { initNode } from "vector-quantize/node"; await initNode({ threads: ${threads} });` +
          product,
      );
      expect(some).toEqual(none);
    }
  });

  test("the number may be chosen after static imports, and is one per core at most", async () => {
    const { stdout } = await run(`
      import { VectorQuantizeError } from "vector-quantize";
      import { numpy as np } from "@jax-js/jax";
      import { initNode } from "vector-quantize/node";
      const { threads } = await initNode({ threads: 1e6 });
      console.log(threads === navigator.hardwareConcurrency);
    `);
    expect(stdout).toBe("true\n");
  });

  test("they work inside a worker thread", async () => {
    const source = `import { initNode } from "vector-quantize/node";
      console.log(JSON.stringify(await initNode({ threads: 1 })));${product}`;
    const { code, stdout } = await run(`
      import { Worker } from "node:worker_threads";
      new Worker(${JSON.stringify(source)}, { eval: true, execArgv: ["--input-type=module"] });
    `);
    expect(stdout).toMatch(/^\{"device":"wasm","threads":1\}\n[0-9a-f]{64}\n$/);
    expect(code).toBe(0);
  });
});

describe("surroundings", () => {
  test("jax-js imported first works on one thread, and says so", async () => {
    const none = await run(product);
    const late = await run(`
      import "@jax-js/jax";
      import "vector-quantize";
      ${product}
    `);
    expect(late.stdout).toBe(none.stdout);
    expect(late.stderr).toContain('Import "vector-quantize" before "@jax-js/jax"');
    expect(late.code).toBe(0);
  });

  test("initNode after that is an error that names the mend", async () => {
    const { code, stderr } = await run(`
      import "@jax-js/jax";
      import { initNode } from "vector-quantize/node";
      await initNode();
    `);
    expect(stderr).toContain(
      "VectorQuantizeError: initNode: expected to be loaded before jax-js, got loaded after it. Import",
    );
    expect(code).toBe(1);
  });

  test("somebody else's Worker is left alone", async () => {
    const { stdout } = await run(`
      class Other {}
      globalThis.Worker = Other;
      const { initNode } = await import("vector-quantize/node");
      await initNode().catch((error) => console.log(error.message));
      console.log(Worker === Other);
    `);
    expect(stdout).toContain(
      "initNode: expected no Worker in Node but this package's own, got another",
    );
    expect(stdout).toContain("true");
  });

  test("navigator has what jax-js reads", async () => {
    const { stdout } = await run(`
      import "vector-quantize";
      console.log(typeof navigator.hardwareConcurrency, navigator.userAgent);
    `);
    expect(stdout).toBe(`number Node.js/${process.versions.node.split(".")[0]}\n`);
  });
});

describe("webgpu", () => {
  /** Stands in for the optional package. */
  const withPackage = (source: string) => `
    import { register } from "node:module";
    register("data:text/javascript," + encodeURIComponent(${JSON.stringify(`
      export const resolve = (name, context, next) =>
        name === "webgpu"
          ? { url: "data:text/javascript,${encodeURIComponent(source)}", shortCircuit: true }
          : next(name, context);
    `)}));
    const { initNode } = await import("vector-quantize/node");
    const { defaultDevice } = await import("@jax-js/jax");
    await initNode({ device: "webgpu" }).catch((error) => console.log(String(error)));
    console.log(defaultDevice());
  `;

  test("without the package, the error says how to install it", async () => {
    const { stdout } = await run(withPackage('throw new Error("not found 7")'));
    expect(stdout).toBe(
      'VectorQuantizeError: initNode: device "webgpu" needs the package "webgpu", which could not be ' +
        "loaded (not found 7). Install it with: npm install webgpu\nwasm\n",
    );
  });

  test("without a GPU, the error says so", async () => {
    const { stdout } = await run(
      withPackage(`
        export const globals = {};
        export const create = () => ({ requestAdapter: async () => null });
      `),
    );
    expect(stdout).toBe(
      'VectorQuantizeError: initNode: device "webgpu": expected a GPU, but the system offers none. ' +
        "On Linux it is found through Vulkan (libvulkan.so.1 and a driver)\nwasm\n",
    );
  });
});

describe("a system with few threads left", () => {
  /** Lets only so many worker threads start. */
  const withThreads = (count: number) => `
    import threads from "node:worker_threads";
    import { syncBuiltinESMExports } from "node:module";
    let left = ${count};
    threads.Worker = class extends threads.Worker {
      constructor(...given) {
        if (left-- <= 0) throw new Error("no thread is left");
        super(...given);
      }
    };
    syncBuiltinESMExports();
    await import("vector-quantize/node");
  `;

  const search = `
    const { createPool, createSearch } = await import("vector-quantize/kernels");
    const wave = (length) => Float32Array.from({ length }, (_, i) => Math.sin(i * i));
    for (const pool of [createPool({ threads: 3 }), createPool({ threads: 1 })]) {
      const search = await createSearch(wave(512 * 64), { dim: 64, pool });
      const { indices } = await search.nearest(wave(2048 * 64));
      console.log(indices.reduce((sum, index, n) => (sum * 31 + index * n) % 1e9, 0));
    }
  `;

  test.each([0, 1])("computes on %d of them, says so once, and ends by itself", async (count) => {
    const usual = await run(`import "vector-quantize/node"; ${product}`);
    const { code, stdout, stderr } = await run(`${withThreads(count)} ${product} ${search}`);
    const [digest, several, one] = stdout.split("\n");
    expect(`${digest}\n`).toBe(usual.stdout);
    expect(several).toBe(one);
    expect(stderr).toBe(
      "vector-quantize: on fewer threads, for workers could not be started: no thread is left\n",
    );
    expect(code).toBe(0);
  });
});
