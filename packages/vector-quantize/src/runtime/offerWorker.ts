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

let asked = false;
const offered = globalThis.Worker === undefined;
if (offered) {
  Object.defineProperty(globalThis, "Worker", {
    configurable: true,
    get() {
      asked = true;
      return JaxWorker;
    },
  });
}

/**
 * Keeps the offered `Worker` if jax-js has asked for it, and takes it back if not.
 *
 * jax-js that has loaded without a `Worker` has made memory that cannot be shared, and would compile
 * kernels that cannot use it as soon as a `Worker` appeared.
 */
export function settleOffer(): void {
  if (!offered) return;
  if (asked) {
    define("Worker", JaxWorker);
  } else {
    Reflect.deleteProperty(globalThis, "Worker");
    process.emitWarning(
      'jax-js runs on one thread, because it was imported first. Import "vector-quantize" before ' +
        '"@jax-js/jax"',
    );
  }
}
