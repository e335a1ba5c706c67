/** `vq encode` by several processes, connected or not: the file of one, and nothing done twice. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launchers, vqInProcesses, without } from "../support/mpi.ts";
import { runVq, temporaryFolder } from "../support/vq.ts";

const connected = launchers.length > 0;
if (!connected) console.warn(without);

const folder = temporaryFolder();
const at = (name: string) => join(folder.path, name);
afterAll(() => folder[Symbol.dispose]());

const model = at("run");
const pictures = 100; // parts of 32, 32, 32 and 4
const command = (out: string) => [
  "encode",
  model,
  "shapes",
  "--images",
  `${pictures}`,
  "--out",
  at(out),
];
const bytes = (name: string) => readFileSync(at(name));

beforeAll(async () => {
  const small = ["--size", "8", "--patch", "4", "--images", "16", "--batch", "4", "--steps", "2"];
  const codes = ["--codebook-size", "16", "--codebook-dim", "4", "--width", "4", "--depth", "0"];
  expect((await runVq(["train", "shapes", ...small, ...codes, "--out", model])).code).toBe(0);
  const { code, stderr } = await runVq(command("one.vq"));
  expect(code, stderr).toBe(0);
}, 120_000);

it.skipIf(!connected)("other commands are one process's", async () => {
  const { code, stderr } = await vqInProcesses(2, [
    "decode",
    model,
    at("one.vq"),
    "--out",
    at("x"),
  ]);
  expect(code).not.toBe(0);
  expect(stderr).toContain(
    "vq decode: expected one process, got 2 by mpirun. Several do train and encode",
  );
});

describe("vq encode", { timeout: 120_000 }, () => {
  it.skipIf(!connected)("by connected processes writes the file of one", async () => {
    mkdirSync(at("many.vq.parts"));
    writeFileSync(at("many.vq.parts/1.claim"), ""); // of a process that is gone
    const { code, stdout, stderr } = await vqInProcesses(3, command("many.vq"));
    expect(code, stderr).toBe(0);
    expect(stdout.match(/100 images in/g)).toHaveLength(1);
    expect(bytes("many.vq").equals(bytes("one.vq"))).toBe(true);
    expect(existsSync(at("many.vq.parts"))).toBe(false);
  });

  it("by shares writes it too, and does nothing twice", async () => {
    const share = (part: string) => runVq([...command("shares.vq"), "--part", part]);
    const first = await share("1/2");
    expect(first.stdout).toContain("shares.vq.parts: part 1/2 is done, others are not yet");
    const parts = () => readdirSync(at("shares.vq.parts")).sort();
    expect(parts()).toEqual(["0.vq", "2.vq", "job.json"]);
    const times = () =>
      ["0.vq", "2.vq"].map((name) => statSync(at(`shares.vq.parts/${name}`)).mtimeMs);
    const before = times();
    await share("1/2");
    expect(times()).toEqual(before);
    const last = await share("2/2");
    expect(last.code, last.stderr).toBe(0);
    expect(last.stdout).toContain("100 images in");
    expect(bytes("shares.vq").equals(bytes("one.vq"))).toBe(true);
    expect(existsSync(at("shares.vq.parts"))).toBe(false);
  });

  it.skipIf(!connected)("connected processes take no shares", async () => {
    const { code, stderr } = await vqInProcesses(2, [...command("both.vq"), "--part", "1/2"]);
    expect(code).not.toBe(0);
    expect(stderr).toContain("--part: expected one process, got 2 by mpirun");
    expect(existsSync(at("both.vq.parts"))).toBe(false);
  });

  it("refuses parts of pictures that were others then, under the same names", async () => {
    const length = 33 * 64;
    const save = (bright: number) => {
      const pixels = Buffer.alloc(16 + length, bright);
      pixels.set([0, 0, 8, 3, 0, 0, 0, 33, 0, 0, 0, 8, 0, 0, 0, 8]);
      return writeFileSync(at("images.idx"), pixels);
    };
    save(10);
    const grey = ["--crop", "0", "--patch", "4", "--codes", "4", "--width", "4", "--steps", "1"];
    const fit = ["--batch", "4", "--fit-vectors", "0", "--out", at("grey")];
    expect((await runVq(["train", at("images.idx"), ...grey, ...fit])).code).toBe(0);
    for (const [source, change] of [
      [at("images.idx"), () => save(200)],
      [at("pictures"), () => copyFileSync(at("run/reconstructions.png"), at("pictures/a.png"))],
    ] as const) {
      mkdirSync(at("pictures"), { recursive: true });
      writeFileSync(at("pictures/a.png"), ""); // the shares that fall to others are not read
      const share = (part: string) =>
        runVq(["encode", at("grey"), source, "--out", `${source}.vq`, "--part", part]);
      await share("2/3");
      change();
      const { stderr, code } = await share("3/3");
      expect(code).toBe(1);
      expect(stderr).toContain("expected parts of these codes, got those of another model, other");
    }
  });

  it("sees at its beginning that the file can't be written", async () => {
    mkdirSync(at("folder"));
    const { stderr, code } = await runVq([...command("folder"), "--part", "1/2"]);
    expect(code).toBe(1);
    expect(stderr).toContain("folder: expected to write the file, got a folder");
    expect(existsSync(at("folder.parts"))).toBe(false);
  });

  it("refuses parts of another job, and shares that are none", async () => {
    await runVq([...command("other.vq"), "--part", "1/2"]);
    const others = ["encode", model, "shapes", "--images", "90", "--out", at("other.vq")];
    const { stderr, code } = await runVq([...others, "--part", "2/2"]);
    expect(code).toBe(1);
    expect(stderr).toContain("expected parts of these codes, got those of another model");
    for (const part of ["0/2", "3/2", "x"]) {
      expect((await runVq([...command("none.vq"), "--part", part])).code).toBe(2);
    }
  });
});
