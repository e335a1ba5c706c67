import "./allCores.ts";
// First of all modules that load the library: jax-js must find the threads when it loads.
import { initNode } from "vector-quantize/node";
import type { MachineOptions } from "./commands/options.ts";
import { ownThreads } from "./processes.ts";

/** Starts the device that the user asked for. Returns what computes, in words. */
export async function startRuntime({ threads, device }: MachineOptions): Promise<string> {
  const share = threads ?? (await ownThreads());
  const started = await initNode({ device, ...(share === undefined ? {} : { threads: share }) });
  return started.device === "wasm" ? `${started.threads} threads` : started.device;
}
