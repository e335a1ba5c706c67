/**
 * Gives jax-js its threads in Node. For its side effect, before `@jax-js/jax` is imported: jax-js
 * decides while it loads whether it has workers, and how many.
 */
import { availableParallelism } from "node:os";
import { JaxWorker } from "./jaxWorker.ts";

function define(name: string, value: unknown): void {
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
}

// Node 20 has no navigator; jax-js reads these two of its properties.
if (globalThis.navigator === undefined) {
  define("navigator", {
    hardwareConcurrency: availableParallelism(),
    userAgent: `Node.js/${process.versions.node.split(".")[0]}`,
  });
}
if (globalThis.Worker === undefined) define("Worker", JaxWorker);
