import type { numpy as np } from "@jax-js/jax";
import { lazy } from "../lazy.ts";

const gpuModule = lazy(() => import("../shaders/gpu.ts"));

/**
 * What is read of arrays that lie where `x` does.
 *
 * @throws VectorQuantizeError if that is a device that was lost, of which jax-js reads errors of any kind
 */
export async function readBeside<T>(x: np.Array, read: () => Promise<T>): Promise<T> {
  if (x.device !== "webgpu") return read();
  const { gpu } = await gpuModule();
  return gpu().answered(read());
}
