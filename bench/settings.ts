import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { delimiter, join } from "node:path";
import { parseArgs } from "node:util";
import type { SideName } from "./cases.ts";

export interface Settings {
  quick: boolean;
  /** Substrings; a case runs if its name has one of them. None means all. */
  cases: readonly string[];
  threads: number;
  rounds: number;
  /** A peer gets no further round after this long. */
  secondsPerPeer: number;
  /** A pair waits until the peak probe shows so many GFLOP/s, but no longer than `quietSeconds`. */
  quietAt: number;
  quietSeconds: number;
  /** Where the reports go, without the ending. */
  out: string;
  /** How to start a side's process, or why it can't be started. */
  command(process: SideName["process"]): Command | string;
  log(line: string): void;
}

export interface Command {
  program: string;
  args: readonly string[];
  env: NodeJS.ProcessEnv;
}

export const USAGE = `npm run bench -- [options]

  --quick            small shapes, few rounds
  --case TEXT        only cases whose name contains TEXT (may be repeated)
  --rounds N         timed pairs per peer (default 7, with --quick 3)
  --seconds N        no further round of a peer after so long (default 60, with --quick 10)
  --quiet-at N       let each pair wait until the peak probe shows N GFLOP/s (default 0: don't)
  --quiet-seconds N  but no longer than this (default 20)
  --threads N        threads of every side (default: all cores)
  --out PATH         reports as PATH.json and PATH.md (default bench/results/latest)
  --node PATH        the Node that runs our sides (default: this one; or VQ_NODE)
  --python PATH      the Python that runs the peers (default: python3; or VQ_PYTHON)
  --reference DIR    a folder that holds vector_quantize_pytorch (or VQ_REFERENCE)
  --jemalloc FILE    libjemalloc.so.2 (default: where Debian has it; or VQ_JEMALLOC)
`;

const JEMALLOC = [
  "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2",
  "/usr/lib/aarch64-linux-gnu/libjemalloc.so.2",
  "/usr/lib64/libjemalloc.so.2",
];

/** Settings from the command line and the environment; undefined if help was asked for. */
export function readSettings(args: readonly string[], root: string): Settings | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: "boolean", default: false },
      case: { type: "string", multiple: true, default: [] },
      rounds: { type: "string" },
      seconds: { type: "string" },
      "quiet-at": { type: "string", default: "0" },
      "quiet-seconds": { type: "string", default: "20" },
      threads: { type: "string", default: String(availableParallelism()) },
      out: { type: "string", default: join(root, "bench", "results", "latest") },
      node: { type: "string", default: process.env.VQ_NODE ?? process.execPath },
      python: { type: "string", default: process.env.VQ_PYTHON ?? "python3" },
      reference: { type: "string", default: process.env.VQ_REFERENCE ?? "" },
      jemalloc: { type: "string", default: process.env.VQ_JEMALLOC ?? "" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return undefined;
  const threads = values.threads;
  const jemalloc = values.jemalloc || JEMALLOC.find((path) => existsSync(path));
  const python: NodeJS.ProcessEnv = {
    PYTHONPATH: [values.reference, process.env.PYTHONPATH].filter(Boolean).join(delimiter),
    OMP_NUM_THREADS: threads,
    MKL_NUM_THREADS: threads,
    OPENBLAS_NUM_THREADS: threads,
  };
  const peers = [join(root, "bench", "peers.py")];

  return {
    quick: values.quick,
    cases: values.case,
    threads: Number(threads),
    rounds: Number(values.rounds ?? (values.quick ? 3 : 7)),
    secondsPerPeer: Number(values.seconds ?? (values.quick ? 10 : 60)),
    quietAt: Number(values["quiet-at"]),
    quietSeconds: Number(values["quiet-seconds"]),
    out: values.out,
    log: (line) => process.stderr.write(`${line}\n`),
    command(side) {
      switch (side) {
        case "kernels":
        case "graph":
        case "layers":
        case "scalar":
        case "training":
          return {
            program: values.node,
            args: [join(root, "bench", "dist", "sides", `${side}.js`)],
            env: {},
          };
        case "python":
          return { program: values.python, args: peers, env: python };
        case "python with jemalloc":
          if (jemalloc === undefined) return "jemalloc not found";
          return {
            program: values.python,
            args: peers,
            env: {
              ...python,
              LD_PRELOAD: jemalloc,
              MALLOC_CONF: "dirty_decay_ms:-1,muzzy_decay_ms:-1,thp:always",
            },
          };
      }
    },
  };
}
