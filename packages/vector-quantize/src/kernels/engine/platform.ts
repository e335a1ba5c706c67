/** What the kernels need of the engine they run in. */
export interface Platform {
  /** Threads that can run at the same time, the calling one included. */
  readonly threads: number;
  /** Whether the calling thread may block: not on the main thread of a page. */
  readonly mayBlock: boolean;
  /** Whether memory can be shared with workers. */
  readonly sharesMemory: boolean;
  /** Starts a worker on `source`; it does not keep the process alive. */
  spawn(source: string): WorkerHandle;
  /** Compiles a module, where possible straight to optimised code. */
  compile(bytes: Uint8Array<ArrayBuffer>): Promise<WebAssembly.Module>;
  /** Whether `compile` gives optimised code at once, so that no warm-up is needed. */
  readonly compilesOptimized: boolean;
}

export interface WorkerHandle {
  postMessage(message: unknown): void;
  /** Called for every message and, with an Error, when the worker fails. */
  listen(onMessage: (message: unknown) => void, onError: (error: Error) => void): void;
  terminate(): void;
}

/** The platform of this thread: Node's modules if there are any, else those of the web. */
export function currentPlatform(): Platform {
  // `getBuiltinModule` reaches Node's modules without an import that a bundler would follow.
  const process = (globalThis as { process?: Partial<NodeJS.Process> }).process;
  return typeof process?.getBuiltinModule === "function"
    ? nodePlatform(process.getBuiltinModule)
    : webPlatform();
}

function nodePlatform(builtin: NodeJS.Process["getBuiltinModule"]): Platform {
  const os = builtin("os");
  const v8 = builtin("v8");
  const { Worker } = builtin("worker_threads");
  return {
    threads: os.availableParallelism(),
    mayBlock: true,
    sharesMemory: true,
    compilesOptimized: true,
    spawn(source) {
      const worker = new Worker(source, { eval: true, execArgv: [] });
      worker.unref();
      return {
        postMessage: (message) => worker.postMessage(message),
        listen(onMessage, onError) {
          worker.on("message", onMessage);
          worker.on("error", onError);
          worker.unref(); // a listener makes the port keep the process alive
        },
        terminate: () => void worker.terminate(),
      };
    },
    // Wasm code never leaves the baseline tier in the middle of a call, so a first long call would
    // run at a quarter of the speed. The flags hold only while this module compiles.
    async compile(bytes) {
      v8.setFlagsFromString("--no-liftoff");
      v8.setFlagsFromString("--no-wasm-lazy-compilation");
      try {
        return new WebAssembly.Module(bytes);
      } finally {
        v8.setFlagsFromString("--liftoff");
        v8.setFlagsFromString("--wasm-lazy-compilation");
      }
    },
  };
}

const WORKERS_REFUSED =
  "its script could not be loaded. Workers start from a blob: URL, so a Content-Security-Policy needs " +
  "`worker-src blob:`";

function webPlatform(): Platform {
  const scope = globalThis as { crossOriginIsolated?: boolean; document?: unknown };
  const sharesMemory =
    scope.crossOriginIsolated === true &&
    typeof SharedArrayBuffer === "function" &&
    typeof Worker === "function";
  return {
    threads: sharesMemory ? navigator.hardwareConcurrency || 4 : 1,
    mayBlock: scope.document === undefined,
    sharesMemory,
    compilesOptimized: false,
    spawn(source) {
      const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
      const worker = new Worker(url);
      return {
        postMessage: (message) => worker.postMessage(message),
        listen(onMessage, onError) {
          worker.onmessage = (event) => onMessage(event.data);
          // A script that may not be loaded says nothing.
          worker.onerror = ({ message }) => onError(new Error(message || WORKERS_REFUSED));
        },
        terminate() {
          worker.terminate();
          URL.revokeObjectURL(url);
        },
      };
    },
    compile: (bytes) => WebAssembly.compile(bytes),
  };
}
