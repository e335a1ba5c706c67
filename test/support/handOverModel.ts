/**
 * Every interleaving of a host and two workers that hand jobs over, walked state by state.
 *
 * What is walked is the code itself: the host's class and the text that workers run, on a memory that
 * stops them before each access. A thread is known by the answers to its accesses so far: its code is
 * run anew on them up to the next one. Memory is sequentially consistent, as it is for `Atomics`.
 */
import {
  CHUNKS,
  LEFT,
  MODULES,
  PENDING,
  READY,
  WAKE,
} from "../../packages/vector-quantize/src/kernels/engine/handOver.ts";
import {
  argumentsOf,
  Code,
  hostProgram,
  type Model,
  type ModelJob,
  NUMBER,
  type Place,
  SCRATCH,
  type Step,
  TRAPPED,
  workerProgram,
} from "./handOverCode.ts";

export interface Walk {
  readonly states: number;
  /** What can go wrong; undefined if nothing can. */
  readonly violation: string | undefined;
}

/** A state: integers of the control block, numbers of the job, then what the model itself notes. */
type State = number[];

/** What threads may read that hold no chunk. */
const OUTSIDE: readonly number[] = [WAKE, LEFT, PENDING, READY, MODULES, NUMBER];
const VALUES_AT = 16;
/** The host's job, and whether it is between its beginning and its end. */
const JOB = 20;
const RUNNING = 21;
const FILLED = 22;
/** Rows that were handled, as bits. */
const DONE = 23;
/** Messages to a host that waits for one, and modules whose messages have been sent to workers. */
const CLOSED = 24;
const SENT = 25;
/** Of each thread: the place in its code, and that in the control block on which it sleeps. */
const THREADS = 26;
const AWAKE = -1;

/** Walks all states of a model; ends at the first one that must not be. */
export function walk(model: Model): Walk {
  const worker = new Code(workerProgram(model));
  const codes = [new Code(hostProgram(model)), worker, worker];
  const first: State = Array(THREADS).fill(0);
  first[MODULES] = 1;
  first[SENT] = 1;
  for (const [t, code] of codes.entries()) first.push(code.at(t === 0 ? [0] : []).id, AWAKE);
  const seen = new Set([keyOf(first)]);
  const left = [first];
  for (let state = left.pop(); state !== undefined; state = left.pop()) {
    let moved = false;
    for (const t of codes.keys()) {
      const next = state.slice();
      try {
        if (!advance(next, t, codes, model)) continue;
      } catch (error) {
        if (!(error instanceof Violation)) throw error;
        return { states: seen.size, violation: `thread ${t}: ${error.message}` };
      }
      moved = true;
      const key = keyOf(next);
      if (seen.has(key)) continue;
      seen.add(key);
      left.push(next);
    }
    const hostEnded = placeOf(state, 0, codes).step === undefined;
    if (!moved && !hostEnded) {
      return { states: seen.size, violation: `job ${state[JOB]} never ends` };
    }
  }
  return { states: seen.size, violation: undefined };
}

/** Two workers in each other's place are the same state. */
function keyOf(state: State): string {
  const [a, b] = [THREADS + 2, THREADS + 4];
  const inOrder =
    (state[a] as number) < (state[b] as number) ||
    (state[a] === state[b] && (state[a + 1] as number) <= (state[b + 1] as number));
  const order = inOrder ? state : [...state.slice(0, a), ...state.slice(b), ...state.slice(a, b)];
  return String.fromCharCode(...order.map((value) => value + 64));
}

class Violation extends Error {}

function assert(holds: boolean, message: string): asserts holds {
  if (!holds) throw new Violation(message);
}

function placeOf(state: State, t: number, codes: readonly Code[]): Place {
  return (codes[t] as Code).places[state[THREADS + 2 * t] as number] as Place;
}

/** Lets thread `t` take its next step; false if it can't. */
function advance(state: State, t: number, codes: readonly Code[], model: Model): boolean {
  const { jobs } = model;
  if (!stepOnce(state, t, codes, jobs)) return false;
  for (;;) {
    const place = placeOf(state, t, codes);
    if (place.step === undefined || !isInside(place.step, model.peeks)) return true;
    if (!place.holds) assert(t === 0, "touches a job that it holds no chunk of");
    if (!place.holds) {
      for (const other of codes.keys()) {
        const { holds } = placeOf(state, other, codes);
        assert(!holds, `touches the job while thread ${other} holds a chunk`);
      }
    }
    stepOnce(state, t, codes, jobs);
  }
}

/**
 * Whether a step is about what only the host, between jobs, and holders of chunks may touch. If they
 * keep to it, which is checked, it does not matter when others take their steps: such a step is done
 * together with the one before.
 */
function isInside(step: Step, peeks = false): boolean {
  if (step.kind === "load" || step.kind === "store" || step.kind === "add") {
    return !OUTSIDE.includes(step.at) && !(peeks && step.at === CHUNKS);
  }
  return ["read", "write", "call", "begin", "end"].includes(step.kind);
}

function stepOnce(
  state: State,
  t: number,
  codes: readonly Code[],
  jobs: readonly ModelJob[],
): boolean {
  const at = THREADS + 2 * t;
  const place = placeOf(state, t, codes);
  if (state[at + 1] !== AWAKE || place.step === undefined) return false;
  const answer = take(state, place, place.step, jobs, t);
  if (answer === "blocked") return false;
  if (answer === "sleeps") {
    state[at + 1] = (place.step as { at: number }).at;
    return true;
  }
  state[at] = (codes[t] as Code).after(place, answer).id;
  if (place.step.kind !== "notify") return true;
  for (const [other, code] of codes.entries()) {
    const sleeper = THREADS + 2 * other;
    if (state[sleeper + 1] !== place.step.at) continue;
    state[sleeper + 1] = AWAKE;
    state[sleeper] = code.after(placeOf(state, other, codes), 0).id;
  }
  return true;
}

/** Does a step to the shared state and gives its answer. */
function take(
  state: State,
  { modules, job }: Place,
  step: Step,
  jobs: readonly ModelJob[],
  t: number,
): number | "blocked" | "sleeps" {
  switch (step.kind) {
    case "load":
      return state[step.at] as number;
    case "store":
      state[step.at] = step.value;
      return 0;
    case "add": {
      const before = state[step.at] as number;
      state[step.at] = before + step.value;
      return before;
    }
    case "exchange": {
      const before = state[step.at] as number;
      if (before === step.expected) state[step.at] = step.value;
      return before;
    }
    case "wait":
      return state[step.at] === step.value ? "sleeps" : 0;
    case "notify":
      return 0;
    case "read":
      return state[VALUES_AT + step.at] as number;
    case "write":
      state[VALUES_AT + step.at] = step.value;
      return 0;
    case "call":
      return call(state, step, jobs, t);
    case "hear":
      return modules < (state[SENT] as number) ? modules + 1 : "blocked";
    case "closed":
      state[CLOSED]!++;
      return 0;
    case "await":
      return state[CLOSED] === 0 ? "blocked" : state[CLOSED]!--;
    case "post":
      state[SENT] = step.value;
      return 0;
    case "fill":
      state[FILLED] = step.value;
      return 0;
    case "begin": {
      const { fills, chunks } = jobs[job] as ModelJob;
      state[JOB] = job;
      state[RUNNING] = 1;
      state[FILLED] = fills ? 0 : chunks;
      state[DONE] = 0;
      return 0;
    }
    case "end":
      finish(state, step.value, jobs);
      return 0;
    case "start":
      throw new Error("the host's first answer is its job");
  }
}

/** A kernel runs: on rows of the present job that nobody has handled, with the job's arguments. */
function call(
  state: State,
  { kernel, begin, end, scratch, args }: Step & { kind: "call" },
  jobs: readonly ModelJob[],
  t: number,
): number {
  const [present, running, filled, done] = state.slice(JOB) as [number, number, number, number];
  const job = jobs[present] as ModelJob;
  const what = `rows ${begin} to ${end} of job ${present}`;
  assert(running === 1, `${what} after its end`);
  assert(begin >= 0 && end === begin + 1 && end <= job.chunks, `${what}, which has others`);
  assert((done & (1 << begin)) === 0, `${what} for a second time`);
  assert(end <= filled, `${what} before they are in memory`);
  assert(kernel === job.kernel, `${what} by kernel ${kernel}`);
  assert(`${args}` === `${argumentsOf(present)}`, `${what} with arguments ${args}`);
  assert(
    scratch === SCRATCH + 10 * present + Math.min(t, 1),
    `${what} in scratch memory ${scratch}`,
  );
  state[DONE] = done | (1 << begin);
  return job.traps && begin === 0 ? TRAPPED : 1;
}

function finish(state: State, result: number, jobs: readonly ModelJob[]): void {
  const present = state[JOB] as number;
  const { chunks, traps } = jobs[present] as ModelJob;
  assert(state[DONE] === 2 ** chunks - 1, `job ${present} ends before its rows are done`);
  assert(result === (traps ? TRAPPED : chunks), `job ${present} gives ${result}`);
  state[RUNNING] = 0;
}
