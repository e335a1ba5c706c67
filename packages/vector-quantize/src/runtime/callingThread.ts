import type { MessagePort } from "node:worker_threads";
import { openScope } from "./scope.ts";
import { type Carrier, surface } from "./thread.ts";

/** Runs logical workers on the calling thread, where the system has no other for them. */
export class CallingThread implements Carrier {
  readonly failure = undefined;
  readonly ended = false;
  /** Holds the process while answers are due: their messages alone would not. */
  #hold: NodeJS.Timeout | undefined;
  #due = 0;

  open(blob: Blob, port: MessagePort): void {
    blob
      .text()
      .then((source) => {
        let began = 0;
        const handle = openScope(source, (data) =>
          port.postMessage({ data, time: performance.now() - began }),
        );
        port.on("messageerror", surface);
        port.on("message", (data) => {
          began = performance.now();
          handle(data);
        });
        port.unref();
      })
      .catch(surface);
  }

  close(due: number): void {
    this.answered(due);
  }

  expect(): void {
    if (this.#due++ === 0) this.#hold = setInterval(() => {}, 2 ** 30);
  }

  answered(count: number): void {
    if (this.#due === 0) return;
    this.#due -= count;
    if (this.#due === 0) clearInterval(this.#hold);
  }
}
