import { readFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import type { Case } from "./cases.ts";
import type { CaseResult, SideResult } from "./measure.ts";

export interface Machine {
  cpu: string;
  cores: number;
  memoryGiB: number;
  threads: number;
  date: string;
}

export function describeMachine(threads: number): Machine {
  const [first] = cpus();
  return {
    cpu: [first?.model ?? "unknown CPU", ...cpuFamily()].join(", "),
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    threads,
    date: new Date().toISOString().slice(0, 10),
  };
}

/** Family and model: virtual machines often hide the name. */
function cpuFamily(): string[] {
  try {
    const text = readFileSync("/proc/cpuinfo", "utf8");
    return ["cpu family", "model"].map((field) => {
      const value = text.match(new RegExp(`^${field}\\s*: (.*)$`, "m"))?.[1] ?? "unknown";
      return `${field.replace("cpu ", "")} ${value}`;
    });
  } catch {
    return [];
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

/** Everything that was measured, with the medians. */
export function jsonReport(machine: Machine, results: readonly CaseResult[]): string {
  const side = (result: SideResult) => ({
    ...result,
    ...(result.times.length === 0 ? {} : { medianMs: median(result.times) }),
    ...(result.ratios.length === 0 ? {} : { medianRatio: median(result.ratios) }),
  });
  const cases = results.map((result) => ({
    ...result,
    ours: side(result.ours),
    peers: result.peers.map(side),
  }));
  return `${JSON.stringify({ machine, cases }, null, 2)}\n`;
}

const digits = (value: number) =>
  value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
const times = (ms: number) => (ms >= 10_000 ? `${(ms / 1000).toFixed(1)} s` : `${digits(ms)} ms`);

/** Tables for people, a section for each kind of case. */
export function markdownReport(machine: Machine, results: readonly CaseResult[]): string {
  const lines = [
    "# Benchmark",
    "",
    `${machine.cpu}; ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.threads} threads; ` +
      `${machine.date}.`,
    "",
    `Versions: ${versions(results)}.`,
    "",
    "Times are medians. Every peer alternates with our side in pairs; a ratio is the median over the",
    "pairs of the peer's time over ours. GFLOP/s count the multiplications and additions that a full",
    "search needs, whatever a side does. The peak is a loop of 128-bit multiply-adds on registers on",
    "all threads, measured before and after each of our runs. Memory is the highest resident size",
    "beyond that before the first call.",
    "",
    ...loadNote(machine, results),
  ];
  for (const group of new Set(results.map((result) => result.case.group))) {
    lines.push(`## ${group[0]?.toUpperCase()}${group.slice(1)}`, "");
    lines.push("| case | side | time | GFLOP/s | of peak | peer / ours | memory |");
    lines.push("|---|---|---|---|---|---|---|");
    for (const result of results) if (result.case.group === group) lines.push(...rows(result));
    lines.push("");
  }
  return lines.join("\n");
}

/** Says so where other jobs ran: peers that spin at barriers then lose more than ours. */
function loadNote(machine: Machine, results: readonly CaseResult[]): string[] {
  const loads = results.map(({ load }) => load).filter((load) => load > 0);
  const most = Math.max(0, ...loads);
  if (most <= machine.cores + 1) return [];
  return [
    `**Other jobs ran on the machine**: load averages of ${Math.min(...loads).toFixed(0)} to ` +
      `${most.toFixed(0)} on ${machine.cores} cores. Absolute times are too high, and the ratios are`,
    "kinder to us than on a free machine: OpenMP threads that spin at a barrier lose more than threads",
    "that take the next chunk.",
    "",
  ];
}

function rows(result: CaseResult): string[] {
  const { case: benchCase, ours, ofPeak, peaks, peers } = result;
  const ofPeakText =
    ofPeak.length === 0
      ? ""
      : `${(100 * median(ofPeak)).toFixed(0)} % of ${median(peaks).toFixed(0)}`;
  return [
    row(benchCase.id, "**ours**", benchCase, ours, ofPeakText),
    ...peers.map((peer) => row("", sideName(peer), benchCase, peer, "")),
  ];
}

const NAMES: Partial<Record<SideResult["process"], string>> = {
  graph: "jax-js graph ",
  "python with jemalloc": ", jemalloc",
};

function sideName({ side, process }: SideResult): string {
  return process === "graph" ? `${NAMES.graph}${side}` : `${side}${NAMES[process] ?? ""}`;
}

function row(id: string, name: string, benchCase: Case, side: SideResult, ofPeak: string): string {
  if (side.times.length === 0) {
    return `| ${id} | ${name} | ${side.skipped ?? "not run"} | | | | |`;
  }
  const ms = median(side.times);
  const cells = [
    id,
    name,
    times(ms),
    benchCase.gflop === undefined ? "" : digits(benchCase.gflop / (ms / 1000)),
    ofPeak,
    side.ratios.length === 0 ? "" : digits(median(side.ratios)),
    side.extraMiB === undefined ? "" : `${digits(side.extraMiB)} MiB`,
  ];
  return `| ${cells.join(" | ")} |`;
}

function versions(results: readonly CaseResult[]): string {
  const found = new Map<string, unknown>();
  for (const { ours, peers } of results) {
    for (const side of [ours, ...peers]) {
      for (const [name, value] of Object.entries(side.versions)) {
        if (name !== "jemalloc") found.set(name, value);
      }
    }
  }
  return [...found].map(([name, value]) => `${name} ${value}`).join(", ");
}
