/** All computing of the page: one worker, one device, one scene at a time. */
import { chooseDevice } from "./device.ts";
import { heavyScenes, loadEngine } from "./engines.ts";
import { createHost } from "./host.ts";
import type { ToWorker } from "./protocol.ts";

const host = createHost({
  send: (message, transfer) => postMessage(message, { transfer }),
  load: loadEngine,
  chooseDevice: (choice, scene) => chooseDevice(choice, heavyScenes.has(scene)),
  async describe(quantizer) {
    const { describeQuantizer } = await import("vector-quantize/options");
    return JSON.parse(JSON.stringify(describeQuantizer(quantizer)));
  },
  now: () => performance.now(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
});

addEventListener("message", ({ data }: MessageEvent<ToWorker>) => host(data));
