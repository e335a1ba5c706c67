import { availableParallelism } from "node:os";
import { defaultDevice, numpy as np, random } from "@jax-js/jax";
import { afterEach, expect, test } from "vitest";
import { defaultPool } from "../kernels/engine/createPool.ts";
import { initNode } from "./initNode.ts";
import { threadPool } from "./pool.ts";

/** As the tests' setup asks. */
const running = Math.min(2, availableParallelism());

afterEach(() => {
  defaultDevice("wasm");
});

test("tells the device and the threads, and may be called again", async () => {
  expect(await initNode()).toEqual({ device: "wasm", threads: running });
  expect(await initNode({ threads: 2 })).toEqual({ device: "wasm", threads: running });
  defaultPool();
  expect(await initNode({ threads: 2 })).toEqual({ device: "wasm", threads: running });
});

test("sets the default device", async () => {
  expect(await initNode({ device: "cpu" })).toEqual({ device: "cpu", threads: running });
  const x = np.array(new Float32Array([1, 2])).add(1);
  expect(x.device).toBe("cpu");
  expect(await x.data()).toEqual(new Float32Array([2, 3]));
  await initNode({ device: "wasm" });
  expect(defaultDevice()).toBe("wasm");
});

test("refuses another number of threads once they run, and changes nothing", async ({ skip }) => {
  await np
    .array(new Float32Array([1, 2]))
    .add(1)
    .data();
  const other = running === 1 ? 2 : 1;
  if (other > availableParallelism()) skip("one core leaves no other number of threads");
  await expect(initNode({ threads: other, device: "cpu" })).rejects.toThrow(
    `threads: expected ${running}, the number that has been started, got ${other}`,
  );
  expect(defaultDevice()).toBe("wasm");
  expect(threadPool().size).toBe(running);
});

test.each([
  [{ threads: 0 }, "initNode: threads: expected an integer of at least 1, got 0"],
  [{ threads: 1.5 }, "initNode: threads: expected an integer of at least 1, got 1.5"],
  [{ threads: "2" }, 'initNode: threads: expected an integer of at least 1, got "2"'],
  [{ device: "gpu" }, 'initNode: device: expected one of "wasm", "cpu", "webgpu", got "gpu"'],
  [{ thread: 2 }, 'initNode: option "thread": expected one of threads, device'],
])("refuses %j", async (options, message) => {
  await expect(initNode(options as object)).rejects.toThrow(message);
  expect(defaultDevice()).toBe("wasm");
});

test("two threads and the calling thread alone compute the same", async () => {
  const [ka, kb] = [random.key(1), random.key(2)];
  const a = random.normal(ka, [515, 129]);
  const b = random.normal(kb, [129, 261]);
  const [x, y] = [await a.ref.data(), await b.ref.data()];
  const product = (await np.matmul(a, b).data()) as Float32Array;
  const alone = np.matmul(np.array(x, { shape: [515, 129] }), np.array(y, { shape: [129, 261] }));
  expect(product).toEqual(alone.dataSync());
});
