import { tellOfFewerThreads } from "./fewerThreads.ts";
import { type WorkerMessage, workerSource } from "./handOver.ts";
import type { Platform, WorkerHandle } from "./platform.ts";

/** What the workers of a pool are and do. */
interface WorkersOptions {
  /** Their numbers, from `first` to before `end`. */
  readonly first: number;
  readonly end: number;
  /** The first message of each, beside its number. */
  readonly message: object;
  /** A job has been closed. */
  readonly onClosed: () => void;
  /** One has failed that was up, perhaps in the middle of a job. */
  readonly onFailure: (reason: string) => void;
  /** None could be started. */
  readonly onNone: () => void;
}

/** The workers of a pool. One that can't be started is done without. */
export class Workers {
  /** Resolves when the first one is up, or it is certain that none will be. */
  readonly up: Promise<void>;
  readonly #handles = new Set<WorkerHandle>();
  #resolve: () => void = () => {};

  constructor(platform: Platform, options: WorkersOptions) {
    this.up = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    const { first, end, message } = options;
    try {
      for (let thread = first; thread < end; thread++) {
        const handle = platform.spawn(workerSource);
        this.#handles.add(handle);
        this.#listen(handle, options);
        handle.postMessage({ ...message, thread });
      }
    } catch (error) {
      tellOfFewerThreads((error as Error).message);
    }
    if (this.#handles.size === 0) this.#none(options);
  }

  post(message: unknown): void {
    for (const handle of this.#handles) handle.postMessage(message);
  }

  terminate(): void {
    for (const handle of this.#handles) handle.terminate();
    this.#handles.clear();
    this.#resolve();
  }

  #listen(handle: WorkerHandle, options: WorkersOptions): void {
    let isUp = false;
    const onMessage = (message: unknown) => {
      if ((message as WorkerMessage) === "closed") return options.onClosed();
      isUp = true;
      this.#resolve();
    };
    handle.listen(onMessage, ({ message }) => {
      if (isUp) return options.onFailure(message);
      if (!this.#handles.delete(handle)) return; // it has been terminated
      tellOfFewerThreads(message);
      handle.terminate();
      if (this.#handles.size === 0) this.#none(options);
    });
  }

  #none({ onNone }: WorkersOptions): void {
    onNone();
    this.#resolve();
  }
}
