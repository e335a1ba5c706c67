import { loadavg } from "node:os";
import type { Case, SideName } from "./cases.ts";
import { Child } from "./child.ts";
import { writeData } from "./data.ts";
import type { Preparation } from "./protocol.ts";
import type { Settings } from "./settings.ts";

/** What was measured of one side of a case. Times in ms. */
export interface SideResult {
  side: string;
  process: SideName["process"];
  /** Why there are no times. */
  skipped?: string;
  times: number[];
  /** This side's time over ours, pair by pair. */
  ratios: number[];
  /** Highest resident memory beyond what was there before the first call. */
  extraMiB?: number;
  /** Highest resident memory of the process. */
  peakMiB?: number;
  versions: Record<string, unknown>;
}

export interface CaseResult {
  case: Case;
  ours: SideResult;
  /** Our GFLOP/s over the machine's 128-bit multiply-add peak of the same seconds, run by run. */
  ofPeak: number[];
  peaks: number[];
  /** Load average of the machine over the case's last minute. */
  load: number;
  peers: SideResult[];
}

/** Runs a case: each peer in turn, alternating with our side, so that both see the same machine. */
export async function measure(benchCase: Case, settings: Settings): Promise<CaseResult> {
  const data = writeData(benchCase);
  try {
    return await measureOn(data.files, benchCase, settings);
  } finally {
    data.remove();
  }
}

async function measureOn(
  files: Record<string, string>,
  benchCase: Case,
  settings: Settings,
): Promise<CaseResult> {
  const ours = await start(
    { name: benchCase.ours, process: benchCase.oursIn ?? "kernels" },
    benchCase,
    files,
    settings,
  );
  const result: CaseResult = {
    case: benchCase,
    ours: ours.result,
    ofPeak: [],
    peaks: [],
    load: 0,
    peers: [],
  };
  if (ours.result.skipped !== undefined) return result;
  await ours.warm(3);

  const runOurs = async () => {
    const before = await ours.probe();
    const ms = await ours.time();
    const after = await ours.probe();
    if (ms === undefined) return undefined;
    if (before !== undefined && after !== undefined && benchCase.gflop !== undefined) {
      const peak = (before + after) / 2;
      result.peaks.push(peak);
      result.ofPeak.push(benchCase.gflop / (ms / 1000) / peak);
    }
    return ms;
  };

  /** Waits for other jobs on the machine to pause. */
  const quiet = async () => {
    const deadline = performance.now() + settings.quietSeconds * 1000;
    while (settings.quietAt > 0 && performance.now() < deadline) {
      if (((await ours.probe()) ?? Number.POSITIVE_INFINITY) >= settings.quietAt) return;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  };

  for (const name of benchCase.peers) {
    const peer = await start(name, benchCase, files, settings);
    result.peers.push(peer.result);
    if (peer.result.skipped !== undefined) continue;
    await peer.warm(1);
    const deadline = performance.now() + settings.secondsPerPeer * 1000;
    for (let round = 0; round < settings.rounds && ours.alive && peer.alive; round++) {
      if (round > 0 && performance.now() > deadline) break;
      await quiet();
      const mine = await runOurs();
      const theirs = await peer.time();
      if (mine !== undefined && theirs !== undefined) peer.result.ratios.push(theirs / mine);
      settings.log(`  ${name.name} (${name.process}): ours ${show(mine)}, theirs ${show(theirs)}`);
    }
    await peer.end();
  }
  if (result.ours.times.length === 0) {
    for (let round = 0; round < settings.rounds && ours.alive; round++) await runOurs();
  }
  await ours.end();
  result.load = loadavg()[0] ?? 0;
  return result;
}

const show = (ms: number | undefined) => (ms === undefined ? "-" : `${ms.toFixed(1)} ms`);

/** Starts a side on a case. */
async function start(
  name: SideName,
  benchCase: Case,
  files: Record<string, string>,
  settings: Settings,
) {
  const result: SideResult = {
    side: name.name,
    process: name.process,
    times: [],
    ratios: [],
    versions: {},
  };
  const command = settings.command(name.process);
  if (typeof command === "string") {
    result.skipped = command;
    return new RunningSide(undefined, result);
  }
  const child = new Child(command.program, command.args, command.env);
  const { id, group, ours, oursIn, peers, quick, ...sizes } = benchCase;
  const preparation: Preparation = {
    ...sizes,
    side: name.name,
    threads: settings.threads,
    files,
    jemalloc: name.process === "python with jemalloc",
  };
  const reply = await child.ask({ do: "prepare", ...preparation });
  const side = new RunningSide(child, result);
  result.versions = reply.versions ?? {};
  const why =
    reply.skip ??
    reply.error ??
    (preparation.jemalloc && reply.versions?.jemalloc !== true
      ? "jemalloc was not loaded"
      : undefined);
  if (why !== undefined) side.give(why);
  return side;
}

/** A side whose case is prepared. */
class RunningSide {
  readonly result: SideResult;
  #child: Child | undefined;

  constructor(child: Child | undefined, result: SideResult) {
    this.#child = child;
    this.result = result;
  }

  get alive(): boolean {
    return this.#child !== undefined;
  }

  async warm(calls: number): Promise<void> {
    for (let i = 0; i < calls && this.alive; i++) {
      const reply = await this.#child?.ask({ do: "run" });
      if (reply?.error !== undefined) this.give(reply.error);
    }
  }

  async time(): Promise<number | undefined> {
    const reply = await this.#child?.ask({ do: "run" });
    if (reply?.error !== undefined) this.give(reply.error);
    if (reply?.ms !== undefined) this.result.times.push(reply.ms);
    return reply?.ms;
  }

  async probe(): Promise<number | undefined> {
    return (await this.#child?.ask({ do: "probe" }))?.gflops;
  }

  /** Ends the side with a reason in place of times. */
  give(why: string): void {
    this.result.skipped = why;
    this.#child?.stop();
    this.#child = undefined;
  }

  async end(): Promise<void> {
    const reply = await this.#child?.ask({ do: "peak" });
    if (reply?.peakMiB !== undefined && reply.baseMiB !== undefined) {
      this.result.peakMiB = reply.peakMiB;
      this.result.extraMiB = reply.peakMiB - reply.baseMiB;
    }
    this.#child?.stop();
    this.#child = undefined;
  }
}
