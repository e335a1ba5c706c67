import { VectorQuantizeError } from "../errors.ts";

/** What the optional package `webgpu` (Dawn) exports. */
interface Dawn {
  create(options: readonly string[]): object;
  globals: Record<string, unknown>;
}

/** Gives Node a `navigator.gpu`, as browsers have. Throws if the package `webgpu` is missing. */
export async function installWebGPU(): Promise<void> {
  if ((navigator as { gpu?: object }).gpu !== undefined) return;
  const { create, globals } = await importDawn();
  const gpu = create([]);
  Object.assign(globalThis, globals); // GPUBufferUsage and the like
  Object.defineProperty(navigator, "gpu", { value: gpu, configurable: true });
  // Dawn aborts the process when this object is collected, and on Node 20 navigator can be replaced.
  Object.defineProperty(globalThis, Symbol.for("vector-quantize.gpu"), { value: gpu });
}

async function importDawn(): Promise<Dawn> {
  const name = "webgpu"; // optional: neither the type checker nor a bundler may ask for it
  try {
    return (await import(name)) as Dawn;
  } catch (cause) {
    throw new VectorQuantizeError(
      'initNode: device "webgpu" needs the package "webgpu", which could not be loaded ' +
        `(${(cause as Error).message.split("\n")[0]}). Install it with: npm install webgpu`,
      { cause },
    );
  }
}
