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

/** Deno's or Bun's own; Node has none. */
const native = globalThis.Worker as (typeof Worker & { pool?: object }) | undefined;
/** The file of jax-js that asks for the Worker. */
let jaxFile: string | undefined;
let asked = false;
const offered =
  native === undefined ||
  ((process.versions.deno ?? process.versions.bun) !== undefined && native.pool === undefined);
const offer = native === undefined ? JaxWorker : besideNative(native);
if (offered) {
  Object.defineProperty(globalThis, "Worker", {
    configurable: true,
    get() {
      asked = true;
      jaxFile = callingFile();
      return offer;
    },
  });
}

/**
 * Keeps the offered `Worker` if jax-js has asked for it, and takes it back if not.
 *
 * jax-js that has loaded without a `Worker` has made memory that cannot be shared, and would compile
 * kernels that cannot use it as soon as a `Worker` appeared.
 */
export function endOffer(): void {
  if (!offered) return;
  if (asked) {
    define("Worker", offer);
    return;
  }
  if (native === undefined) Reflect.deleteProperty(globalThis, "Worker");
  else define("Worker", native);
  process.emitWarning(
    `${native === undefined ? "jax-js runs on one thread" : "jax-js's workers keep this program from ending"}, ` +
      'because it was imported first. Import "vector-quantize" before "@jax-js/jax"',
  );
}

/**
 * The engine's own `Worker`, except for jax-js: its workers never end, and would keep the program
 * from ending.
 */
function besideNative(Native: typeof Worker): typeof Worker {
  return new Proxy(Native, {
    construct(_, [url, options], newTarget) {
      const jax = String(url).startsWith("blob:") && callingFile() === jaxFile;
      return jax ? new JaxWorker(url) : Reflect.construct(Native, [url, options], newTarget);
    },
    get: (_, key) => (key === "pool" ? JaxWorker.pool : Reflect.get(Native, key)),
  });
}

/** The file that called the function that asks. */
function callingFile(): string | undefined {
  const frames = new Error().stack?.matchAll(/^\s*at (?:.*\()?(.+?):\d+:\d+\)?$/gm) ?? [];
  return [...frames][2]?.[1]; // after this function and the one that asks
}
