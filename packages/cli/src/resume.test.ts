import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readSafetensors } from "vector-quantize";
import { expect, test } from "vitest";
import { runVq, temporaryFolder } from "../../../test/support/vq.ts";

const settings = [
  "--batch",
  "8",
  "--codes",
  "16",
  "--code-dim",
  "4",
  "--width",
  "8",
  "--size",
  "16",
  "--patch",
  "4",
  "--images",
  "50",
];

async function arraysOf(path: string): Promise<Record<string, unknown>> {
  const { tensors } = readSafetensors(readFileSync(path));
  const entries = Object.entries(tensors).map(async ([name, array]) => [name, await array.data()]);
  return Object.fromEntries(await Promise.all(entries));
}

const stepsOf = (metrics: string) =>
  readFileSync(metrics, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line).step as number);

test.each(["SIGINT", "SIGTERM"] as const)(
  "%s ends with a checkpoint from which training goes on bit for bit",
  async (signal) => {
    using folder = temporaryFolder();
    const at = (...names: string[]) => join(folder.path, ...names);
    const command = (out: string) => [
      "train",
      "shapes",
      "--steps",
      "40",
      ...settings,
      "--out",
      out,
    ];

    const straight = await runVq(command(at("straight")));
    expect(straight.code).toBe(0);

    let sent = false;
    const stopped = await runVq([...command(at("stopped")), "--json"], (child, stdout) => {
      if (sent || stdout.split("\n").length < 4) return;
      sent = true;
      child.kill(signal);
    });
    expect(stopped.code).toBe(130);
    const last = JSON.parse(stopped.stdout.trim().split("\n").at(-1) as string);
    expect(last).toMatchObject({ event: "interrupted", steps: 40 });
    expect(last.step).toBeLessThan(40);
    expect(readdirSync(at("stopped")).sort()).toEqual(["metrics.jsonl", "training.safetensors"]);

    const resumed = await runVq([...command(at("stopped")), "--resume"]);
    expect(resumed.code).toBe(0);
    for (const name of ["training.safetensors", "model.safetensors"]) {
      expect(await arraysOf(at("stopped", name))).toEqual(await arraysOf(at("straight", name)));
    }
    const steps = Array.from({ length: 40 }, (_, i) => i + 1);
    expect(stepsOf(at("stopped", "metrics.jsonl"))).toEqual(steps);
  },
);
