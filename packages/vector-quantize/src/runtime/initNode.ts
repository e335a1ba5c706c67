import "./install.ts"; // first: jax-js must find the Worker when it loads
import { defaultDevice, init } from "@jax-js/jax";
import { checkChoice, checkInteger, checkKnownOptions, VectorQuantizeError } from "../errors.ts";
import { configureDefaultPool } from "../kernels/engine/createPool.ts";
import { threadPool } from "./pool.ts";
import { installWebGPU } from "./webgpu.ts";

const devices = ["wasm", "cpu", "webgpu"] as const;

/** Where jax-js computes in Node. */
export type NodeDevice = (typeof devices)[number];

/** Options of `initNode`. */
export interface InitNodeOptions {
  /** OS threads under the `wasm` device, and of the kernels. Default: one per core, and never more than that. */
  threads?: number;
  /** jax-js's default device from now on. Default `"wasm"`. */
  device?: NodeDevice;
}

/**
 * Chooses the number of threads and the default device of jax-js in Node.
 *
 * Optional: without it, the device is `wasm` and it has one thread per core. The number of threads can be
 * chosen once, before the first computation. jax-js cuts its work into one piece per core, so a
 * number that divides the number of cores uses its threads best.
 *
 * ```ts
 * import { initNode } from "vector-quantize/node";
 * const { device, threads } = await initNode({ threads: 2 });
 * ```
 *
 * @returns the default device, and the threads under `wasm`.
 * @throws VectorQuantizeError if an option is out of range; if other threads have been started; if
 *   `@jax-js/jax` was imported before this package; if `webgpu` is not installed or finds no GPU.
 */
export async function initNode(
  options: InitNodeOptions = {},
): Promise<{ device: NodeDevice; threads: number }> {
  checkKnownOptions("initNode", options, ["threads", "device"]);
  const { threads, device = "wasm" } = options;
  if (threads !== undefined) checkInteger("initNode: threads", threads);
  checkChoice("initNode: device", device, devices);

  const pool = threadPool();
  if (threads !== undefined) {
    const before = pool.size;
    pool.resize(threads);
    try {
      configureDefaultPool(pool.size);
    } catch (error) {
      pool.resize(before);
      throw error;
    }
  }
  if (device === "webgpu") await startWebGPU();
  defaultDevice(device);
  return { device, threads: pool.size };
}

async function startWebGPU(): Promise<void> {
  await installWebGPU();
  if (!(await init("webgpu")).includes("webgpu")) {
    throw new VectorQuantizeError(
      'initNode: device "webgpu": expected a GPU, but the system offers none. ' +
        "On Linux it is found through Vulkan (libvulkan.so.1 and a driver)",
    );
  }
}
