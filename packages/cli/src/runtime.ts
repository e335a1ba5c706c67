// First of all modules that load the library: jax-js must find the threads when it loads.
import { initNode } from "vector-quantize/node";
import type { MachineOptions } from "./commands/options.ts";

/** Starts the device that the user asked for. Returns what computes, in words. */
export async function startRuntime({ threads, device }: MachineOptions): Promise<string> {
  const started = await initNode({ device, ...(threads === undefined ? {} : { threads }) });
  return started.device === "wasm" ? `${started.threads} threads` : started.device;
}
