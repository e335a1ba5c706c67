import { expect, test } from "vitest";
import { JaxWorker } from "./jaxWorker.ts";
import { threadPool } from "./pool.ts";

/** A worker that runs `source`, in which `threadId` names the OS thread. */
function start(source: string): JaxWorker {
  const threadId = `const { threadId } = process.getBuiltinModule("node:worker_threads");`;
  return new JaxWorker(URL.createObjectURL(new Blob([threadId, source])));
}

function ask(worker: JaxWorker, message: unknown): Promise<unknown> {
  return new Promise((resolve) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.postMessage(message);
  });
}

const counter = `
let count = 0;
self.onmessage = ({ data }) => { count += data; postMessage({ threadId, count }); };
`;

test("workers are spread round robin over the pool's threads, each in its own scope", async () => {
  expect(threadPool()).toBe(JaxWorker.pool);
  const { size } = JaxWorker.pool; // 2, unless there is only one core
  const workers = [1, 2, 3, 4, 5].map(() => start(counter));
  try {
    const first = await Promise.all(workers.map((worker, i) => ask(worker, i)));
    const threads = first.map((answer) => (answer as { threadId: number }).threadId);
    expect(new Set(threads).size).toBe(size);
    expect(threads).toEqual(threads.map((_, i) => threads[i % size]));
    // The counters are private although three of them live on one thread.
    const second = await Promise.all(workers.map((worker) => ask(worker, 10)));
    expect(second).toEqual(threads.map((threadId, i) => ({ threadId, count: i + 10 })));
  } finally {
    for (const worker of workers) worker.terminate();
  }
});

test("messages sent before the source is there are kept, in order", async () => {
  const worker = start(`self.onmessage = ({ data }) => postMessage(data * 2);`);
  const answers: unknown[] = [];
  await new Promise<void>((resolve) => {
    worker.onmessage = ({ data }) => {
      if (answers.push(data) === 3) resolve();
    };
    for (const n of [1, 2, 3]) worker.postMessage(n);
  });
  expect(answers).toEqual([2, 4, 6]);
  worker.terminate();
});

test("memory is shared, not copied", async () => {
  const worker = start(
    `self.onmessage = ({ data }) => { new Int32Array(data.buffer)[0] = 7; postMessage({}); };`,
  );
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  await ask(worker, memory);
  expect(new Int32Array(memory.buffer)[0]).toBe(7);
  worker.terminate();
});

test("only blob: URLs are taken", () => {
  expect(() => new JaxWorker("worker.js")).toThrow("Worker: expected a blob: URL, got worker.js");
});
