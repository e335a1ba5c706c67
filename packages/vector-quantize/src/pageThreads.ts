/**
 * jax-js on a page that may not start workers from blob: URLs. For its side effect.
 *
 * On a cross-origin isolated page jax-js hands all asynchronous work to such workers, and would wait
 * for them forever. Its synchronous reads do the same work on the calling thread; until it is known
 * whether a worker can start, and if none can, asynchronous reads go by them.
 */
import { numpy as np } from "@jax-js/jax";
import { tellOfFewerThreads } from "./kernels/engine/fewerThreads.ts";

const { prototype } = np.Array;
const { data, blockUntilReady } = prototype;
let known: Promise<boolean> | undefined;

/** Whether a worker starts; what was there before is put back if it does. */
function workersStart(): Promise<boolean> {
  known ??= startOne().then(
    () => {
      Object.assign(prototype, { data, blockUntilReady });
      return true;
    },
    (error: Error) => {
      tellOfFewerThreads(error.message);
      return false;
    },
  );
  return known;
}

async function startOne(): Promise<void> {
  const { currentPlatform } = await import("./kernels/engine/platform.ts");
  const worker = currentPlatform().spawn("postMessage(0)");
  try {
    await new Promise<unknown>((resolve, reject) => worker.listen(resolve, reject));
  } finally {
    worker.terminate();
  }
}

if ((globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated === true) {
  Object.assign(prototype, {
    async data(this: np.Array) {
      if (this.device !== "wasm" || (await workersStart())) return data.call(this);
      return this.dataSync();
    },
    async blockUntilReady(this: np.Array) {
      if (this.device !== "wasm" || (await workersStart())) return blockUntilReady.call(this);
      this.ref.dataSync();
      return this;
    },
  });
}
