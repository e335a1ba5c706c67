/**
 * What a worker of the pool runs: plain JavaScript without imports, so that it starts from a text
 * in Node and in browsers alike. `pool.ts` says how a job is handed out; the places of the control
 * block and the loop over chunks are the same as there.
 */
export const workerSource = /* js */ `
"use strict";
const port = typeof require === "function" ? require("worker_threads").parentPort : self;
const kernels = [];
let control, args, memory, thread, announces;
let modules = 0;

function receive(message) {
  if (message.memory) {
    ({ memory, thread, announces } = message);
    control = new Int32Array(memory.buffer, 0, 64);
    args = new Float64Array(memory.buffer, 256, 64);
  }
  for (const { module, names } of message.modules) {
    const { exports } = new WebAssembly.Instance(module, { env: { memory } });
    for (const name of names) kernels.push(exports[name]);
    modules++;
  }
  serve();
}

// Blocks until there is work; returns to the event loop only to receive new kernels. The job is
// read before the number of modules, so that all kernels of that job are among them.
function serve() {
  for (;;) {
    const wake = Atomics.load(control, 0);
    const job = Atomics.load(control, 12);
    if (Atomics.load(control, 10) > modules) return;
    work((job & 0xfff) << 20);
    Atomics.wait(control, 0, wake);
  }
}

function work(tag) {
  for (;;) {
    const next = Atomics.load(control, 1);
    if ((next & 0xfff00000) !== tag) return;
    const chunk = next & 0xfffff;
    if (chunk >= Atomics.load(control, 3)) return;
    if (Atomics.compareExchange(control, 1, next, next + 1) !== next) continue;
    const begin = chunk * control[6];
    const end = Math.min(control[5], begin + control[6]);
    for (let ready; (ready = Atomics.load(control, 7)) < end; ) Atomics.wait(control, 7, ready);
    try {
      const scratch = args[0] + args[1] * thread;
      const given = args.subarray(2, 2 + control[11]);
      Atomics.add(control, 8, kernels[control[4]](begin, end, scratch, ...given));
    } catch (error) {
      Atomics.store(control, 9, 1);
    }
    if (Atomics.add(control, 2, 1) + 1 === control[3]) {
      Atomics.notify(control, 2);
      if (announces) port.postMessage(null);
    }
  }
}

if (port === globalThis.self) port.onmessage = (event) => receive(event.data);
else port.on("message", receive);
`;
