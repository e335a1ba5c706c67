/**
 * Runs that are killed at any time, and resumed until they end; commands that are killed. The long form:
 *
 *     VQ_KILLS=100 npx vitest run test/kills.test.ts
 */
import { cpSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { killedCommand, type WritingCommand } from "./support/killedCommands.ts";
import {
  draws,
  type Kind,
  killAt,
  killedRun,
  stateOfRun,
  tensorsOf,
} from "./support/killedRuns.ts";
import { contentsOf, runVq, temporaryFolder } from "./support/vq.ts";

const kills = Number(process.env.VQ_KILLS ?? 3);
const timeout = 300_000 + 30_000 * kills; // on a busy machine

const folder = temporaryFolder();
const at = (name: string) => join(folder.path, name);
afterAll(() => folder[Symbol.dispose]());

const tiny = [
  ...["train", "shapes", "--size", "8", "--patch", "4", "--images", "16", "--batch", "4"],
  ...["--codes", "8", "--code-dim", "4", "--width", "4", "--depth", "0", "--threads", "1"],
];
// Of so many steps, a line of metrics tells of two: a checkpoint may come between them.
const lengths = [
  [...tiny, "--steps", "12", "--eval-every", "5"],
  [...tiny, "--steps", "376", "--eval-every", "100", "--ema", "0.9"],
];
let kinds: Kind[];

beforeAll(async () => {
  kinds = await Promise.all(
    lengths.map(async (args, i) => {
      const [straight, old] = [at(`straight${i}`), at(`old${i}`)];
      expect((await runVq([...args, "--out", straight])).code).toBe(0);
      expect((await runVq([...args, "--seed", "7", "--out", old])).code).toBe(0);
      return { args, straight, old };
    }),
  );
}, timeout);

const first = () => 0; // of the changes at which a process may be killed

test("a run that is overwritten is never gone on with", { timeout }, async () => {
  const { args, old, straight } = kinds[0] as Kind;
  cpSync(old, at("replaced"), { recursive: true });
  const command = [...args, "--out", at("replaced")];
  // The first of the old run's files that goes away.
  const removal = { name: "removal", file: "model.safetensors" };
  await killAt([...command, "--overwrite"], at("replaced"), removal, first, "SIGKILL");
  expect(stateOfRun(at("replaced")).seed).toBe(0);
  expect((await runVq([...command, "--resume"])).code).toBe(0);
  const model = (run: string) => tensorsOf(join(run, "model.safetensors")).numbers;
  expect(model(at("replaced"))).toEqual(model(straight));
});

test("encode and decode that are killed leave no half file", { timeout }, async () => {
  const { straight } = kinds[0] as Kind;
  const encode = (out: string) => ["encode", straight, "shapes", "--images", "40", "--out", out];
  const decode = (out: string) => ["decode", straight, at("codes.npy"), "--out", out];
  expect((await runVq(encode(at("codes.npy")))).code).toBe(0);
  expect((await runVq(decode(at("decoded")))).code).toBe(0);
  const whole = contentsOf(at("decoded"));
  mkdirSync(at("killed"));
  const codes = { name: "codes", file: ".codes.npy." };
  await killAt(encode(at("killed/codes.npy")), at("killed"), codes, first, "SIGKILL");
  const picture = { name: "picture", file: ".00020.png." };
  await killAt(decode(at("killed")), at("killed"), picture, first, "SIGKILL");
  for (const [name, content] of Object.entries(contentsOf(at("killed")))) {
    if (name === "codes.npy") expect(content).toBe(contentsOf(folder.path)[name]);
    else if (!name.startsWith(".")) expect(content).toBe(whole[name]);
  }
  expect((await runVq(decode(at("killed")))).code).toBe(0);
  const names = readdirSync(at("killed")).filter((name) => name !== "codes.npy");
  expect(names).toEqual(Object.keys(whole));
});

test(`${kills} kills of encode, decode and eval leave no half file`, { timeout }, async () => {
  const { straight, old } = kinds[0] as Kind;
  const size = ["--size", "256"]; // a picture is a chunk
  const encode = (model: string, folder: string) => [
    ...["encode", model, "shapes", "--images", "12", ...size, "--out", join(folder, "codes.vq")],
  ];
  const evaluate = (model: string, folder: string) => [
    ...["eval", model, "shapes", "--images", "40", "--out", folder],
  ];
  const make = async (name: string, args: (folder: string) => string[]) => {
    mkdirSync(at(name));
    expect((await runVq(args(at(name)))).code).toBe(0);
    return at(name);
  };
  const encoded = {
    whole: await make("encoded", (out) => encode(straight, out)),
    old: await make("encodedOld", (out) => encode(old, out)),
  };
  const evaluated = {
    whole: await make("evaluated", (out) => evaluate(straight, out)),
    old: await make("evaluatedOld", (out) => evaluate(old, out)),
  };
  const images = [...["encode", straight, "shapes", "--images", "40", "--out"], at("forty.vq")];
  expect((await runVq(images)).code).toBe(0);
  const anyTime = { name: "at any time", within: 2500 };
  const picture = { name: "picture", file: ".00020.png.", changes: 3 };
  const others = { name: "pictures", file: "00007.png", changes: 1 };
  const commands: WritingCommand[] = [
    {
      ...{ name: "encode", args: (out) => encode(straight, out), ...encoded },
      moments: [anyTime, { name: "codes", file: ".codes.vq.", changes: 12 }],
    },
    {
      ...{ name: "decode", args: (out) => ["decode", straight, at("forty.vq"), "--out", out] },
      ...{ ...evaluated, moments: [anyTime, picture, others] },
    },
    {
      ...{ name: "eval", args: (out) => evaluate(straight, out), ...evaluated },
      moments: [anyTime, picture, others],
    },
  ];
  const draw = draws(Number(process.env.VQ_SEED ?? 1));
  const counts: Record<string, number> = {};
  for (let kill = 0; kill < kills; kill++) {
    const command = commands[kill % commands.length] as WritingCommand;
    const what = await killedCommand(at("command"), command, draw);
    counts[what] = (counts[what] ?? 0) + 1;
    if (kills > 20 && (kill + 1) % 10 === 0) console.log(`${kill + 1} kills`, counts);
  }
});

test(`${kills} kills change nothing about how runs end`, { timeout }, async () => {
  const counts: Record<string, number> = {};
  const count = (what: string) => {
    counts[what] = (counts[what] ?? 0) + 1;
  };
  const seed = Number(process.env.VQ_SEED ?? 1);
  let killed = 0;
  let chains = 0;
  const worker = async () => {
    while (killed < kills) {
      const chain = chains++;
      const kind = kinds[chain % kinds.length] as Kind;
      await killedRun(at(`run${chain}`), kind, draws(seed * 1000 + chain), (moment, phase) => {
        killed += 1;
        count(`moment: ${moment}`);
        count(`left: ${phase}`);
        if (killed % 20 === 0) console.log(`${killed} kills in ${chains} chains`, counts);
      });
    }
  };
  await Promise.all(Array.from({ length: kills > 20 ? 4 : 2 }, worker));
});
