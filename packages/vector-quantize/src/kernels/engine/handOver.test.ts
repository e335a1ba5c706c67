import { describe, expect, it } from "vitest";
import { type Model, type ModelJob, NUMBER } from "../../../../../test/support/handOverCode.ts";
import { walk } from "../../../../../test/support/handOverModel.ts";
import {
  CHUNKS,
  HandOver,
  LEFT,
  type OpenJob,
  PENDING,
  READY,
  WAKE,
  workerSource,
} from "./handOver.ts";

/** One chunk, then more; the last by a kernel that some workers don't have yet. */
const growing: ModelJob[] = [
  { kernel: 0, chunks: 1 },
  { kernel: 0, chunks: 2 },
  { kernel: 1, chunks: 2 },
];
const trapping: ModelJob[] = [
  { kernel: 0, chunks: 1, traps: true },
  { kernel: 0, chunks: 2, fills: true },
  { kernel: 1, chunks: 1 },
];
const larger: ModelJob[] = [
  { kernel: 0, chunks: 3, fills: true },
  { kernel: 1, chunks: 2, traps: true },
  { kernel: 1, chunks: 3, fills: true },
];
const long = process.env.POOL_STRESS === "long";
const timeout = 600_000;

describe("a host and two workers over three jobs, in every interleaving", () => {
  it.each([
    ["more chunks, another kernel", growing],
    ["a kernel that traps, rows that are brought in", trapping],
    ...(long ? [["more of all", larger] as const] : []),
  ] as const)("%s", { timeout }, (_, jobs) => {
    expect(walk({ jobs }).violation).toBeUndefined();
    expect(walk({ jobs, page: true }).violation).toBeUndefined();
    expect(walk({ jobs, looks: 1 }).violation).toBeUndefined();
  });
});

/** The workers' text with one place changed. */
function changed(from: string, to: string): string {
  expect(workerSource.split(from)).toHaveLength(2);
  return workerSource.replace(from, to);
}

class OpensTooSoon extends HandOver {
  override open(job: OpenJob): void {
    Atomics.store(this.control, PENDING, job.rows);
    Atomics.store(this.control, LEFT, job.rows);
    this.writeJob(job);
    this.wake();
  }
}

class CountsTooLate extends HandOver {
  override open(job: OpenJob): void {
    this.writeJob(job);
    Atomics.store(this.control, LEFT, job.rows);
    Atomics.store(this.control, PENDING, job.rows);
    this.wake();
  }
}

describe("the walk finds what is wrong with", () => {
  const wrong: [string, Partial<Model>, string][] = [
    ["a job that is open before it is written", { Host: OpensTooSoon }, "touches the job while"],
    ["chunks that are counted when some are done", { Host: CountsTooLate }, "never ends"],
    [
      "a chunk that is taken in two steps",
      {
        source: changed(
          `return Atomics.sub(control, ${LEFT}, 1);`,
          `const left = Atomics.load(control, ${LEFT});
          Atomics.store(control, ${LEFT}, left - 1);
          return left;`,
        ),
      },
      "holds no chunk of",
    ],
    [
      "a worker that gives up a chunk whose kernel it lacks",
      {
        source: changed(
          "if (kernel === undefined) return;",
          "if (!kernel) return void (held = 0);",
        ),
      },
      "never ends",
    ],
    [
      "a worker that does not wait for its rows",
      { source: changed(`Atomics.load(control, ${READY})) < end`, "end) < end") },
      "before they are in memory",
    ],
    [
      "a worker that looks after its last step whether the job is closed",
      {
        page: true,
        source: changed(
          `if (Atomics.sub(control, ${PENDING}, 1) === 1) {`,
          `Atomics.sub(control, ${PENDING}, 1);
          if (Atomics.load(control, ${PENDING}) === 0) {`,
        ),
      },
      "ends before its rows are done",
    ],
  ];
  it.each(wrong)("%s", { timeout }, (_, model, violation) => {
    const found = [growing, trapping].map((jobs) => walk({ jobs, ...model }).violation);
    expect(found.join()).toContain(violation);
  });
});

describe("a counter of chunks that carries the number of its job", () => {
  const MOST = 15;

  /** Compares the counter before it takes a chunk; numbers of `bits` bits. */
  function numbered(bits: number, closesFirst: boolean): Partial<Model> {
    class Numbered extends HandOver {
      #first = 0;
      override open(job: OpenJob): void {
        const { control } = this;
        const number = Atomics.load(control, NUMBER) + 1;
        this.#first = (number % 2 ** bits) * (MOST + 1);
        if (closesFirst) Atomics.store(control, LEFT, this.#first + MOST);
        this.writeJob(job);
        Atomics.store(control, PENDING, job.rows);
        Atomics.store(control, LEFT, this.#first);
        Atomics.store(control, NUMBER, number);
        this.wake();
      }
      protected override take(): number {
        for (;;) {
          const next = Atomics.load(this.control, LEFT);
          const left = Atomics.load(this.control, CHUNKS) - (next - this.#first);
          if (left <= 0) return 0;
          if (Atomics.compareExchange(this.control, LEFT, next, next + 1) === next) return left;
        }
      }
    }
    const source = changed(
      `return Atomics.sub(control, ${LEFT}, 1);`,
      `for (;;) {
        const next = Atomics.load(control, ${LEFT});
        const left = Atomics.load(control, ${CHUNKS}) - (next & ${MOST});
        if (next >> 4 !== number % ${2 ** bits} || left <= 0) return 0;
        if (Atomics.compareExchange(control, ${LEFT}, next, next + 1) === next) return left;
      }`,
    ).replace(
      `const wake = Atomics.load(control, ${WAKE});`,
      `const wake = Atomics.load(control, ${WAKE});
      number = Atomics.load(control, ${NUMBER});`,
    );
    return { Host: Numbered, source: `let number; ${source}`, peeks: true };
  }

  it("is taken from too late if it is not closed first", { timeout }, () => {
    const { violation } = walk({ jobs: growing, ...numbered(3, false) });
    expect(violation).toContain("touches the job while thread");
  });

  it("is mistaken for another once its numbers come round", { timeout }, () => {
    const alike = [growing[1]!, growing[0]!, { kernel: 1, chunks: 2 }];
    expect(walk({ jobs: alike, ...numbered(1, true) }).violation).toBeDefined();
    if (long) expect(walk({ jobs: alike, ...numbered(3, true) }).violation).toBeUndefined();
  });
});
