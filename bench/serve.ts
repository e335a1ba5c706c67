import { readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Preparation, Reply, Request } from "./protocol.ts";

/** A prepared case: the call that is timed. */
export interface Prepared {
  run(): Promise<unknown>;
  versions: Record<string, unknown>;
}

export interface Handler {
  prepare(preparation: Preparation): Promise<Prepared>;
  /** Speed of the machine's 128-bit multiply-adds now, in GFLOP/s. */
  probe?(): Promise<number>;
}

/** A float32 file of a case. */
export function readFloats(preparation: Preparation, name: string): Float32Array<ArrayBuffer> {
  const path = preparation.files[name];
  if (path === undefined) throw new Error(`no file for ${name}`);
  const bytes = readFileSync(path);
  const floats = new Float32Array(bytes.byteLength / 4);
  new Uint8Array(floats.buffer).set(bytes);
  return floats;
}

/** Answers the requests on stdin until it closes. */
export async function serve(handler: Handler): Promise<void> {
  let prepared: Prepared | undefined;
  let base = 0;

  async function answer(request: Request): Promise<Reply> {
    switch (request.do) {
      case "prepare": {
        prepared = await handler.prepare(request);
        resetPeak();
        base = statusMiB("VmRSS") ?? 0;
        return { versions: prepared.versions };
      }
      case "run": {
        const start = performance.now();
        await prepared?.run();
        return { ms: performance.now() - start };
      }
      case "probe": {
        const gflops = await handler.probe?.();
        return gflops === undefined ? {} : { gflops };
      }
      case "peak": {
        const peak = statusMiB("VmHWM");
        return peak === undefined ? {} : { baseMiB: base, peakMiB: peak };
      }
    }
  }

  for await (const line of createInterface({ input: process.stdin })) {
    let reply: Reply;
    try {
      reply = await answer(JSON.parse(line) as Request);
    } catch (error) {
      reply = { error: String(error) };
    }
    process.stdout.write(`${JSON.stringify(reply)}\n`);
  }
  process.exit(0);
}

/** A line of Linux's status of this process; undefined elsewhere. */
function statusMiB(field: string): number | undefined {
  try {
    const found = readFileSync("/proc/self/status", "utf8").match(`${field}:\\s+(\\d+) kB`);
    return found === null ? undefined : Number(found[1]) / 1024;
  } catch {
    return undefined;
  }
}

/** Lets the highest resident size start again from the present one (Linux). */
function resetPeak(): void {
  try {
    writeFileSync("/proc/self/clear_refs", "5");
  } catch {
    // Elsewhere the peak counts from the start of the process, or is not told.
  }
}
