/**
 * `vq train` by several processes: the run of one, whole files by one of them, and runs of which a process is
 * killed at any time. The long form: `VQ_KILLS=30 npx vitest run test/mpi/training.test.ts`.
 */
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  draws,
  type Moment,
  metricsOf,
  moments,
  stateOfRun,
  tensorsOf,
} from "../support/killedRuns.ts";
import { launchers, vqInProcesses as run, without } from "../support/mpi.ts";
import { runVq, temporaryFolder } from "../support/vq.ts";
import { tone, wavOf } from "../support/wav.ts";

const kills = Number(process.env.VQ_KILLS ?? 2);
const [launcher = ""] = launchers;
if (launcher === "") console.warn(without);

const folder = temporaryFolder();
const at = (name: string) => join(folder.path, name);
afterAll(() => folder[Symbol.dispose]());

const metrics = moments.find(({ name }) => name === "metrics"); // in the midst of training

const args = [
  ...["train", "shapes", "--size", "8", "--patch", "4", "--images", "64", "--batch", "8"],
  ...["--codebook-size", "16", "--codebook-dim", "4", "--width", "4", "--depth", "0"],
  ...["--steps", "60", "--eval-every", "20", "--threshold-ema-dead-code", "1"],
];

const numbers = (run: string) => tensorsOf(join(at(run), "model.safetensors")).numbers;

describe.skipIf(launcher === "")(
  "vq train by several processes",
  { timeout: 120_000 + 60_000 * kills },
  () => {
    beforeAll(async () => {
      expect((await runVq([...args, "--out", at("one")])).code).toBe(0);
      const { code, stdout, stderr } = await run(2, [...args, "--out", at("two")]);
      expect(code, stderr).toBe(0);
      expect(stdout.match(/PSNR/g)).toHaveLength(1); // one of them speaks
    }, 120_000);

    it("follows the losses of one", () => {
      const [one, two] = [metricsOf(at("one")), metricsOf(at("two"))];
      expect(two).toHaveLength(one.length);
      for (const [i, line] of one.entries()) {
        expect(two[i]!.loss).toBeCloseTo(line.loss as number, 5);
        expect(two[i]!.usedCodes).toBe(line.usedCodes);
      }
      expect(readdirSync(at("two")).sort()).toEqual(readdirSync(at("one")).sort());
    });

    it("follows them on sounds too, by parts of unlike sizes", async () => {
      mkdirSync(at("sounds"));
      for (let i = 0; i < 4; i++) {
        writeFileSync(join(at("sounds"), `${i}.wav`), wavOf(tone(200 + 90 * i, 0.3)));
      }
      const command = [
        ...["train", at("sounds"), "--bitrate", "1600", "--width", "4", "--batch", "3"],
        ...["--steps", "3", "--segment", "0.1", "--fit-vectors", "300", "--out"],
      ];
      expect((await runVq([...command, at("sound")])).code).toBe(0);
      const { code, stderr } = await run(2, [...command, at("sound2")]);
      expect(code, stderr).toBe(0);
      const [one, two] = [metricsOf(at("sound")), metricsOf(at("sound2"))];
      expect(two).toHaveLength(3);
      for (const [i, line] of one.entries()) {
        expect(Math.abs((two[i]!.loss as number) - (line.loss as number))).toBeLessThan(1e-5);
        expect(two[i]!.usedCodes).toBe(line.usedCodes);
      }
      const few = await run(2, [...command, at("few"), "--batch", "1"]);
      expect(few.stderr).toContain("--batch 1: expected at least 2, one piece for each process");
    });

    it("takes no more processes than a batch has images", async () => {
      const { code, stderr } = await run(2, [...args, "--batch", "1", "--out", at("few")]);
      expect(code).not.toBe(0);
      const said = /--batch 1: expected at least 2, one image for each process/g;
      expect(stderr.match(said)).toHaveLength(1); // all meet it, the first one tells
    });

    it(`goes on after ${kills} kills, by as many processes or others`, async () => {
      const draw = draws(5);
      const phases: string[] = [];
      for (let i = 0; i < kills; i++) {
        const name = `killed${i}`;
        const out = ["--out", at(name)];
        mkdirSync(at(name));
        const moment = (i === 0 ? metrics : moments[Math.floor(draw() * moments.length)]) as Moment;
        const kill = { folder: at(name), moment, draw };
        const { code, seconds, stderr } = await run(2, [...args, ...out], kill);
        expect(seconds, stderr).toBeLessThan(60);
        const { phase } = stateOfRun(at(name));
        phases.push(`${moment.name}: ${code === 0 ? "ended" : phase}`);
        if (code === 0 || phase === "report") continue;
        const size = i % 2 === 0 ? 2 : 3;
        const ended = await run(size, [
          ...args,
          ...out,
          ...(phase === "nothing" ? [] : ["--resume"]),
        ]);
        expect(ended.code, ended.stderr).toBe(0);
        if (size === 2) expect(numbers(name).equals(numbers("two")), `${i}, ${phase}`).toBe(true);
        const [last, wanted] = [metricsOf(at(name)).at(-1), metricsOf(at("two")).at(-1)];
        expect(last!.loss, `${i}, ${phase}`).toBeCloseTo(wanted!.loss as number, 4);
      }
      if (process.env.VQ_KILLS) console.log(phases.join(", "));
    });
  },
);
