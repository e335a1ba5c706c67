/** The code of a hand-over's threads, told by its steps: `handOverModel.ts` walks them. */
import {
  HandOver,
  LEFT,
  MODULES,
  type OpenJob,
  PENDING,
  WAKE,
  workerSource,
} from "../../packages/vector-quantize/src/kernels/engine/handOver.ts";

/** A short job of the model: its kernel is that of module `kernel`. */
export interface ModelJob {
  readonly kernel: number;
  readonly chunks: number;
  /** Whether rows are brought in one by one, while it is open. */
  readonly fills?: boolean;
  /** Whether the kernel traps on row 0. */
  readonly traps?: boolean;
}

export interface Model {
  readonly jobs: readonly ModelJob[];
  /** Whether the host only waits for a message, as the main thread of a page. */
  readonly page?: boolean;
  /** What workers run, and the host's class. Default: what the pool uses. */
  readonly source?: string;
  readonly Host?: typeof HandOver;
  /** How often threads look before they sleep. Default 0. */
  readonly looks?: number;
  /** Whether threads that hold no chunk look at CHUNKS. Default false. */
  readonly peeks?: boolean;
}

/** An access to what threads share, or a mark that tells the model where the host is. */
export type Step =
  | { kind: "load" | "read" | "notify"; at: number }
  | { kind: "store" | "write" | "add" | "wait"; at: number; value: number }
  | { kind: "exchange"; at: number; value: number; expected: number }
  | { kind: "call"; kernel: number; begin: number; end: number; scratch: number; args: number[] }
  | { kind: "post" | "fill" | "end"; value: number }
  | { kind: "start" | "begin" | "await" | "hear" | "closed" };

type Perform = (step: Step) => number;
type Program = (perform: Perform) => void;

/** The number of a job, for hand-overs that have one. */
export const NUMBER = 12;
export const SCRATCH = 1000;
export const TRAPPED = -1;
export const argumentsOf = (job: number) => [job + 7];

/** The host, from the job on that its first answer names; as `WorkerPool.run` and `load`. */
export function hostProgram({ jobs, page = false, Host = HandOver, looks }: Model): Program {
  return (perform) => {
    const atomics = globalThis.Atomics;
    globalThis.Atomics = modelAtomics(perform);
    try {
      const index = perform({ kind: "start" });
      const job = jobs[index];
      if (job === undefined) return;
      const handOver = new Host({} as Int32Array, modelValues(perform), looks);
      const known = Math.max(0, ...jobs.slice(0, index).map(({ kernel }) => kernel));
      if (job.kernel > known) {
        perform({ kind: "post", value: job.kernel + 1 });
        handOver.announce(job.kernel + 1);
      }
      perform({ kind: "begin" });
      const rows = job.chunks;
      const scratch = SCRATCH + 10 * index;
      const args = argumentsOf(index);
      const ready = job.fills ? 0 : rows;
      const open: OpenJob = {
        ...{ kernel: job.kernel, rows, chunkRows: 1, ready, scratch, scratchStep: 1, args },
      };
      handOver.open(open);
      for (let end = 1; job.fills && end <= rows; end++) {
        perform({ kind: "fill", value: end });
        handOver.bringIn(end);
      }
      if (page) perform({ kind: "await" });
      else {
        handOver.takePart(open, (begin, end) =>
          run(perform, job.kernel, [begin, end, scratch, ...args]),
        );
        handOver.waitForWorkers();
      }
      perform({ kind: "end", value: handOver.result() ?? TRAPPED });
    } finally {
      globalThis.Atomics = atomics;
    }
  };
}

/** A worker's text, in place of its thread. */
export function workerProgram({ source = workerSource, page = false, looks }: Model): Program {
  const start = new Function(
    ...["Atomics", "Int32Array", "Float64Array", "WebAssembly", "require", source],
  );
  return (perform) => {
    let receive = (_: unknown) => {};
    const parentPort = {
      on(_: string, listener: typeof receive) {
        receive = listener;
      },
      postMessage: (message: string) => message === "closed" && perform({ kind: "closed" }),
    };
    class Instance {
      readonly exports: object;
      constructor(kernel: number) {
        this.exports = { run: (...given: number[]) => run(perform, kernel, given) };
      }
    }
    const Ints = function ModelInts() {};
    const Values = function ModelValues() {
      return modelValues(perform);
    };
    start(modelAtomics(perform), Ints, Values, { Instance }, () => ({ parentPort }));
    let known = 0;
    for (let message: object = { memory: {}, thread: 1, announces: page, looks }; ; message = {}) {
      const modules: object[] = [];
      const heard = perform({ kind: "hear" });
      for (; known < heard; known++) modules.push({ module: known, names: ["run"] });
      receive({ ...message, modules });
    }
  };
}

function run(perform: Perform, kernel: number, [begin, end, scratch, ...args]: number[]): number {
  const count = perform({
    ...{ kind: "call", kernel, args },
    ...{ begin: begin as number, end: end as number, scratch: scratch as number },
  });
  if (count === TRAPPED) throw new Error("trapped");
  return count;
}

function modelAtomics(perform: Perform): Atomics {
  return {
    load: (_: unknown, at: number) => perform({ kind: "load", at }),
    store: (_: unknown, at: number, value: number) => perform({ kind: "store", at, value }),
    add: (_: unknown, at: number, value: number) => perform({ kind: "add", at, value }),
    sub: (_: unknown, at: number, value: number) => perform({ kind: "add", at, value: -value }),
    wait: (_: unknown, at: number, value: number) => perform({ kind: "wait", at, value }),
    notify: (_: unknown, at: number) => perform({ kind: "notify", at }),
    compareExchange: (_: unknown, at: number, expected: number, value: number) =>
      perform({ kind: "exchange", at, expected, value }),
  } as unknown as Atomics;
}

function modelValues(perform: Perform): Float64Array {
  return new Proxy({} as Float64Array, {
    get: (_, at) => perform({ kind: "read", at: Number(at) }),
    set: (_, at, value) => perform({ kind: "write", at: Number(at), value }) === 0,
  });
}

/** A place in a thread's code: before its next step, with all that the code remembers. */
export interface Place {
  readonly id: number;
  /** Answers to its steps, from a known place on. */
  readonly history: readonly number[];
  /** Undefined where the code has ended. */
  readonly step: Step | undefined;
  /** Whether it holds a chunk. */
  readonly holds: boolean;
  /** Modules that a worker knows; the job that the host is at. */
  readonly modules: number;
  readonly job: number;
}

/** The places of a program. Those at which it remembers the same are one. */
export class Code {
  readonly places: Place[] = [];
  readonly #program: Program;
  readonly #known = new Map<string, Place>();
  readonly #after = new Map<number, Place>();

  constructor(program: Program) {
    this.#program = program;
  }

  after(place: Place, answer: number): Place {
    const key = place.id * 4096 + answer + 64;
    let next = this.#after.get(key);
    if (next === undefined) {
      const { step, history } = place;
      if (step?.kind === "end") next = this.at([place.job + 1]);
      else next = this.at([...history, answer], holdsAfter(place, answer));
      this.#after.set(key, next);
    }
    return next;
  }

  at(history: readonly number[], holds = false): Place {
    const key = `${history} ${holds}`;
    let place = this.#known.get(key);
    if (place === undefined) {
      place = this.#find(history, holds);
      this.#known.set(key, place);
    }
    return place;
  }

  #find(history: readonly number[], holds: boolean): Place {
    const { step, woke, seen, took, modules } = stopped(this.#program, history);
    // At the top of its loops a thread that holds nothing has forgotten what came before.
    const short = holds
      ? history
      : woke === history.length
        ? [modules]
        : takes(step)
          ? woke < 0
            ? history.slice(0, took)
            : [modules, ...history.slice(woke, seen)]
          : history;
    if (short.length < history.length) return this.at(short);
    const place = { id: this.places.length, history, step, holds, modules, job: history[0] ?? 0 };
    this.places.push(place);
    return place;
  }
}

function takes(step: Step | undefined): boolean {
  return (step?.kind === "add" || step?.kind === "load") && step.at === LEFT;
}

function holdsAfter({ step, holds }: Place, answer: number): boolean {
  if (step?.kind === "add" && step.at === LEFT) return answer > 0;
  if (step?.kind === "exchange") return answer === step.expected;
  return holds && !(step?.kind === "add" && step.at === PENDING);
}

/** Whether it is one of the steps with which workers begin when they wake. */
function looksAround(step: Step): boolean {
  return step.kind === "load" && (step.at === WAKE || step.at === MODULES || step.at === NUMBER);
}

/** Whether a worker is at the top of its loop: it looks at WAKE, and not once more before it sleeps. */
function begins(step: Step, before: Step | undefined): boolean {
  if (step.kind !== "load" || step.at !== WAKE) return false;
  return (
    before?.kind === "hear" ||
    before?.kind === "wait" ||
    (before?.kind === "load" && before.at === WAKE)
  );
}

/**
 * Where a program is after given answers, and how many came before it last woke, until it had looked
 * around then, and before it first took a chunk.
 */
function stopped(program: Program, history: readonly number[]) {
  const pause = {};
  let step: Step | undefined;
  let at = 0;
  let woke = -1;
  let seen = -1;
  let took = -1;
  let modules = 0;
  let before: Step | undefined;
  const perform = (wanted: Step) => {
    // The code may catch what is thrown; it gets no further.
    if (step !== undefined) throw pause;
    if (begins(wanted, before)) woke = seen = at;
    before = wanted;
    if (seen === at && looksAround(wanted)) seen++;
    if (took < 0 && takes(wanted)) took = at;
    if (at === history.length) {
      step = wanted;
      throw pause;
    }
    const answer = history[at++] as number;
    if (wanted.kind === "hear") modules = answer;
    return answer;
  };
  try {
    program(perform);
  } catch (error) {
    if (error !== pause) throw error;
  }
  return { step, woke, seen, took, modules };
}
