import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { shapeImages } from "vector-quantize/data";
import { readSafetensors } from "vector-quantize/safetensors";
import { afterAll, expect, test, vi } from "vitest";
import { type Outcome, runVq, startVq, temporaryFolder } from "../../../test/support/vq.ts";

vi.setConfig({ testTimeout: 120_000 }); // several processes, each of which compiles

const folder = temporaryFolder();
const at = (...names: string[]) => join(folder.path, ...names);
afterAll(() => folder[Symbol.dispose]());

// Enough work that the signal comes before the end, on fast machines too.
const steps = 40;
const model = ["--codes", "16", "--code-dim", "4", "--width", "16"];
// Each of them has a state of its own in the checkpoint.
const extras = [
  ...["--accumulate", "3", "--ema", "0.9", "--eval-every", "7", "--patience", "9"],
  ...["--codebook-learning-rate", "1e-3"],
];
const command = (out: string) => [
  "train",
  "shapes",
  "--steps",
  `${steps}`,
  "--batch",
  "32",
  "--images",
  "50",
  ...model,
  ...extras,
  "--out",
  out,
];

/** Sends `signal` to a run as soon as it tells of its first step. */
function stopped(out: string, signal: NodeJS.Signals): Promise<Outcome> {
  let sent = false;
  return startVq([...command(out), "--json"], (child, stdout) => {
    if (sent || !stdout.includes("\n")) return;
    sent = true;
    child.kill(signal);
  });
}

async function arraysOf(path: string): Promise<Record<string, unknown>> {
  const { tensors } = readSafetensors(readFileSync(path));
  const entries = Object.entries(tensors).map(async ([name, array]) => [name, await array.data()]);
  return Object.fromEntries(await Promise.all(entries));
}

test.each(["SIGINT", "SIGTERM"] as const)(
  "%s saves a checkpoint and exits with 130",
  async (signal) => {
    const { code, stdout } = await stopped(at(signal), signal);
    expect(code).toBe(130);
    const last = JSON.parse(stdout.trim().split("\n").at(-1) as string);
    expect(last).toMatchObject({ event: "interrupted", steps });
    expect(last.step).toBeLessThan(steps);
    expect(readdirSync(at(signal)).sort()).toEqual([
      "config.json",
      "metrics.jsonl",
      "training.safetensors",
    ]);
  },
);

test("a stopped run goes on bit for bit", async () => {
  const resumed = await runVq([...command(at("SIGINT")), "--resume"]);
  expect(resumed.code).toBe(0);
  expect((await runVq(command(at("straight")))).code).toBe(0);
  for (const name of ["training.safetensors", "model.safetensors", "best.safetensors"]) {
    expect(await arraysOf(at("SIGINT", name))).toEqual(await arraysOf(at("straight", name)));
  }
  const numbers = (run: string) => JSON.parse(readFileSync(at(run, "report.json"), "utf8"));
  expect(numbers("SIGINT").validation).toEqual(numbers("straight").validation);
  expect(numbers("SIGINT").best).toEqual(numbers("straight").best);
  const lines = readFileSync(at("SIGINT", "metrics.jsonl"), "utf8").trim().split("\n");
  expect(lines.map((line) => JSON.parse(line).step)).toEqual(
    Array.from({ length: steps }, (_, i) => i + 1),
  );
});

test("a stopped run on files goes on with the same crops", async () => {
  mkdirSync(at("photos"));
  for (const [i, name] of ["a.png", "b.png", "c.png"].entries()) {
    const { pixels } = shapeImages({ count: 1, seed: i, size: 48 });
    const raw = { width: 48, height: 48, channels: 3 } as const;
    await sharp(pixels, { raw }).toFile(at("photos", name));
  }
  const args = (out: string) => [
    ...["train", at("photos"), "--crop", "16", "--patch", "4", "--steps", `${steps}`],
    ...["--batch", "24", "--eval-every", "15", ...model, "--out", at(out)],
  ];
  let sent = false;
  await startVq([...args("stopped"), "--json"], (child, stdout) => {
    if (!sent && stdout.includes("\n")) child.kill("SIGINT");
    sent ||= stdout.includes("\n");
  });
  expect((await runVq([...args("stopped"), "--resume"])).code).toBe(0);
  expect((await runVq(args("whole"))).code).toBe(0);
  for (const name of ["training.safetensors", "model.safetensors", "best.safetensors"]) {
    expect(await arraysOf(at("stopped", name))).toEqual(await arraysOf(at("whole", name)));
  }
});

test("a run that ended before its model and report were written gets them", async () => {
  for (const name of ["model.safetensors", "report.json"]) rmSync(at("SIGINT", name));
  const resume = [...command(at("SIGINT")), "--resume"];
  expect((await runVq(resume)).code).toBe(0);
  expect(readdirSync(at("SIGINT"))).toEqual(readdirSync(at("straight")));
  const name = "model.safetensors";
  expect(await arraysOf(at("SIGINT", name))).toEqual(await arraysOf(at("straight", name)));
  expect((await runVq(resume)).stderr).toContain(`expected --steps above ${steps}, which are done`);
});

test("a folder takes one training at a time, and is free when that one dies", async () => {
  const out = at("straight");
  const first = startVq([...command(out), "--overwrite", "--steps", "100000", "--json"]);
  await new Promise((resolve) => first.child.stdout?.once("data", resolve));
  const second = await runVq([...command(out), "--resume", "--steps", "100000"]);
  expect(second.stderr).toMatch(/^vq: .+: expected a folder that no other process trains in/);
  expect(second.stderr).toContain(`held by process ${first.child.pid} on `);
  expect(second.code).toBe(1);
  first.child.kill("SIGKILL");
  await first;
  expect(readdirSync(out)).toContain(".lock");
  const third = await runVq([...command(out), "--overwrite", "--steps", "7"]);
  expect(third.code).toBe(0);
  expect(readdirSync(out)).toEqual(readdirSync(at("SIGINT")));
});
