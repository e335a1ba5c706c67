import { threadId } from "node:worker_threads";
import { numpy as np } from "@jax-js/jax";
import { expect, test } from "vitest";
import { JaxWorker } from "./jaxWorker.ts";

/** A worker that speaks jax-js's protocol; a kernel of hash "slow" takes 1 ms. */
const source = `
const { threadId } = process.getBuiltinModule("node:worker_threads");
let memory;
self.onmessage = ({ data }) => {
  if (data.type === "init") memory = data.memory;
  const began = performance.now();
  while (data.kernelHash === "slow" && performance.now() < began + 1);
  postMessage({ ok: true, threadId, pages: memory.buffer.byteLength / 65536 });
};
`;

interface Answer {
  threadId: number;
  pages: number;
}

async function start(pages: number): Promise<(message: unknown) => Promise<Answer>> {
  const worker = new JaxWorker(URL.createObjectURL(new Blob([source])));
  const ask = (message: unknown) =>
    new Promise<Answer>((resolve) => {
      worker.onmessage = ({ data }) => resolve(data as Answer);
      worker.postMessage(message);
    });
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  await ask({ type: "init", memory });
  return ask;
}

const kernel = (kernelHash: string, size = 16) => ({
  type: "kernel",
  kernelHash,
  begin: 0,
  end: size,
});

test("a kernel that has proved short runs on the calling thread, others do not", async () => {
  const ask = await start(1);
  expect((await ask(kernel("short"))).threadId).not.toBe(threadId);
  let answer: Answer;
  do answer = await ask(kernel("short"));
  while (answer.threadId !== threadId); // a first run may have been long by accident
  expect((await ask(kernel("short", 32))).threadId).not.toBe(threadId); // another amount of work
  for (let i = 0; i < 5; i++) expect((await ask(kernel("slow"))).threadId).not.toBe(threadId);
});

test("it sees the memory of its own workers", async () => {
  for (const pages of [2, 3]) {
    const ask = await start(pages);
    let answer: Answer;
    do {
      answer = await ask(kernel("own memory"));
      expect(answer.pages).toBe(pages);
    } while (answer.threadId !== threadId);
  }
});

test("timers run while short kernels follow one another", async () => {
  let x = np.array(new Float32Array([0, 1]));
  let count = 0;
  const step = async () => {
    x = await x.add(1).blockUntilReady();
    count++;
  };
  while (count < 200) await step(); // from here on the kernel is known to be short
  let ticks = 0;
  const timer = setInterval(() => {
    ticks++;
  }, 1);
  while (ticks < 5) await step();
  clearInterval(timer);
  expect(await x.data()).toEqual(new Float32Array([count, count + 1]));
});
