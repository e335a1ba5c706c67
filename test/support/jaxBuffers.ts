/** Counts what jax-js holds for its arrays on Wasm, to the byte. */
import { readFileSync } from "node:fs";

/** What of jax-js's backend makes buffers and lets them go. */
interface Backend {
  malloc(size: number, data?: unknown): number;
  incRef(slot: number): void;
  decRef(slot: number): void;
}

interface Counts {
  /** Sizes of the buffers that are there, and how many hold them, by their numbers. */
  readonly live: Map<number, { readonly size: number; holders: number }>;
  /** Bytes of them now, and the most at any time since it was last set. */
  bytes: number;
  most: number;
}

// Files that share a process share the backend too, whether they share this module or not.
const shared = globalThis as { [key: symbol]: Counts | undefined };
const key = Symbol.for("vector-quantize: jax-js's buffers");

/** Begins to count, once in a process: before the first array, after jax-js's `init`. */
export async function countBuffers(): Promise<void> {
  if (shared[key] !== undefined) return;
  const counts: Counts = { live: new Map(), bytes: 0, most: 0 };
  const { live } = counts;
  const backend = await wasmBackend();
  const { malloc, incRef, decRef } = backend;
  backend.malloc = (size, data) => {
    const slot = malloc.call(backend, size, data);
    live.set(slot, { size, holders: 1 });
    counts.bytes += size;
    counts.most = Math.max(counts.most, counts.bytes);
    return slot;
  };
  backend.incRef = (slot) => {
    incRef.call(backend, slot);
    const buffer = live.get(slot);
    if (buffer) buffer.holders += 1;
  };
  backend.decRef = (slot) => {
    decRef.call(backend, slot);
    const buffer = live.get(slot);
    if (buffer === undefined || --buffer.holders > 0) return;
    counts.bytes -= buffer.size;
    live.delete(slot);
  };
  shared[key] = counts;
}

/** The object that computes on Wasm: jax-js has it in a file beside its entrance, under a name of one letter. */
async function wasmBackend(): Promise<Backend> {
  const entrance = import.meta.resolve("@jax-js/jax");
  const [, file = ""] =
    /from "(\.\/backend-[^"]+)"/.exec(readFileSync(new URL(entrance), "utf8")) ?? [];
  const exported: Record<string, unknown> = await import(
    /* @vite-ignore */ new URL(file, entrance).href
  );
  const get = Object.values(exported).find(
    (value) => typeof value === "function" && value.name === "getBackend",
  ) as ((device: "wasm") => Backend) | undefined;
  if (get === undefined) throw new Error(`${entrance}: expected getBackend beside it, in ${file}`);
  return get("wasm");
}

function counts(): Counts {
  const found = shared[key];
  if (found === undefined) throw new Error("expected countBuffers() to have been called");
  return found;
}

/** Bytes of all buffers that jax-js holds. */
export const jaxBytes = (): number => counts().bytes;

/** The most of them while `run` runs, beside those before it. */
export async function mostJaxBytes(run: () => Promise<unknown>): Promise<number> {
  const own = counts();
  const before = own.bytes;
  own.most = before;
  await run();
  return own.most - before;
}
