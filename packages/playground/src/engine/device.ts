import { defaultDevice, init } from "@jax-js/jax";
import type { Device, DeviceChoice } from "./protocol.ts";

interface Adapter {
  readonly isFallbackAdapter?: boolean;
  readonly info?: { readonly isFallbackAdapter?: boolean; readonly architecture?: string };
}

async function webgpuOfBrowser(): Promise<Device["webgpu"]> {
  const { gpu } = navigator as { gpu?: { requestAdapter(): Promise<Adapter | null> } };
  const adapter = await gpu?.requestAdapter().catch(() => null);
  if (!adapter) return "none";
  const software =
    adapter.info?.isFallbackAdapter ||
    adapter.isFallbackAdapter ||
    adapter.info?.architecture === "swiftshader";
  return software ? "software" : "hardware";
}

/**
 * Chooses what computes, once and for good: jax-js leaves constants on its first device.
 *
 * @param heavy whether there is so much to compute that a graphics card is worth its way
 */
export async function chooseDevice(choice: DeviceChoice, heavy: boolean): Promise<Device> {
  const webgpu = await webgpuOfBrowser();
  const wanted = choice === "webgpu" || (choice === "auto" && heavy && webgpu === "hardware");
  const backend = wanted && webgpu !== "none" ? "webgpu" : "wasm";
  if (!(await init(backend)).includes(backend)) throw new Error(`There is no ${backend} here.`);
  defaultDevice(backend);
  const isolated = crossOriginIsolated;
  return { backend, webgpu, isolated, threads: isolated ? navigator.hardwareConcurrency : 1 };
}
