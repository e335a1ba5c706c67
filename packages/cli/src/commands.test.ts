import { spawnSync } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { parseNpy } from "vector-quantize/data";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { contentsOf, runVq, startVq, temporaryFolder } from "../../../test/support/vq.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 }); // processes that compile

const folder = temporaryFolder();
const at = (...names: string[]) => join(folder.path, ...names);
const run = at("run");
const tiny = [
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
  "100",
];

beforeAll(async () => {
  const { code, stderr, stdout } = await startVq([
    "train",
    "shapes",
    "--steps",
    "12",
    ...tiny,
    "--out",
    run,
  ]);
  expect(stderr).toMatch(/^shapes: 100 images of 16 x 16, colour; 5 held back/);
  expect(stderr).toMatch(/step 12\/12 loss [\d.]+ commit/);
  expect(stdout).toMatch(/^trained {10}12 steps in /);
  expect(stdout).toMatch(/\nPSNR {13}\d+\.\d\d dB, of 5 images\n/);
  expect(code).toBe(0);
});

afterAll(() => folder[Symbol.dispose]());

describe("a run's folder", () => {
  test("has the report's numbers for programs", () => {
    const numbers = JSON.parse(readFileSync(join(run, "report.json"), "utf8"));
    expect(numbers).toMatchObject({
      step: 12,
      stoppedEarly: false,
      settings: { quantizer: { codebookSize: 16 } },
    });
    expect(numbers.evaluation).toMatchObject({ images: 5 });
    expect(numbers.peakMebibytes).toBeGreaterThan(30);
    expect(numbers).not.toHaveProperty("profile");
  });

  test("holds model, prior, checkpoint, metrics, report and pictures, and nothing else", () => {
    expect(readdirSync(run).sort()).toEqual([
      "config.json",
      "metrics.jsonl",
      "model.safetensors",
      "prior.vq",
      "reconstructions.png",
      "report.html",
      "report.json",
      "training.safetensors",
    ]);
  });

  test("has one line of metrics per step of so short a run", () => {
    const lines = readFileSync(join(run, "metrics.jsonl"), "utf8").trim().split("\n");
    const metrics = lines.map((line) => JSON.parse(line));
    expect(metrics.map(({ step }) => step)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
    for (const line of metrics) {
      for (const value of Object.values(line)) expect(value).toBeTypeOf("number");
      expect(line.perplexity).toBeLessThanOrEqual(line.usedCodes + 1e-9);
    }
    expect(metrics.at(-1).loss).toBeLessThan(metrics[0].loss);
  });

  test("has a report that loads nothing", () => {
    const html = readFileSync(join(run, "report.html"), "utf8");
    expect(html).not.toMatch(/<link|<iframe|@import|url\(|https?:|src="(?!data:)|\son\w+=/i);
    expect(html).toContain("default-src 'none'; img-src data:;");
    expect(html.match(/<img [^>]*webp/g)?.length).toBe(2 * 5);
    expect(html.match(/<svg /g)?.length).toBe(6);
    expect(html.match(/<input [^>]*aria-label="[^"]+"/g)?.length).toBe(5 + 6);
    for (const text of ["PSNR", "Commitment loss", "used codes", "prefers-color-scheme: dark"]) {
      expect(html).toContain(text);
    }
    expect(html).toContain("16 of the 16 codes of the codebook");
    expect(html).not.toMatch(/NaN|undefined|Infinity|\[object/);
  });

  test("has a picture of all pairs", async () => {
    const { width, height } = await sharp(join(run, "reconstructions.png")).metadata();
    expect([width, height]).toEqual([3 * (5 * 18 + 2), 3 * (32 + 4)]);
  });
});

test("a report calls pictures by their names, and tells nobody's folders", async () => {
  const photos = at("private/photos");
  mkdirSync(join(photos, "a"), { recursive: true });
  const noise = Buffer.from(Array.from({ length: 40 * 24 * 3 }, (_, i) => (i * i) % 251));
  const raw = sharp(noise, { raw: { width: 40, height: 24, channels: 3 } });
  for (const name of ["a/one.png", "two & three.png"]) await raw.clone().toFile(join(photos, name));
  const command = ["train", photos, ...tiny, "--size", "0", "--crop", "16", "--steps", "2"];
  expect((await runVq([...command, "--validation", "0.5", "--out", at("named")])).code).toBe(0);
  const html = readFileSync(at("named", "report.html"), "utf8");
  expect(html).toMatch(/alt="(a\/one|two &amp; three)\.png, original"/);
  expect(html).toContain("40 × 24");
  expect(html).toContain("<title>Vector-quantized autoencoder on photos</title>");
  for (const file of ["report.html", "report.json"]) {
    expect(readFileSync(at("named", file), "utf8")).not.toContain(folder.path);
  }
});

test("the config.json of a run does the same again, and flags beside it win", async () => {
  const again = ["train", "--config", join(run, "config.json"), "--out", at("again")];
  expect((await runVq(again)).code).toBe(0);
  for (const name of ["config.json", "reconstructions.png"]) {
    expect(readFileSync(at("again", name))).toEqual(readFileSync(join(run, name)));
  }
  const other = [...again, "--overwrite", "--steps", "1", "--codes", "4"];
  expect((await runVq(other)).code).toBe(0);
  const config = JSON.parse(readFileSync(at("again", "config.json"), "utf8"));
  expect(config.quantizer).toMatchObject({ type: "vectorQuantize", dim: 4, codebookSize: 4 });
  expect(config.training).toMatchObject({ steps: 1, batch: 8 });
  expect(config.architecture).toEqual({ patch: 4, width: 8, depth: 1 });
});

test("quantizers tells of all, and of the options of one", async () => {
  const { stdout } = await runVq(["quantizers"]);
  expect(stdout).toMatch(/^vectorQuantize +Vector quantization with a codebook/);
  expect(stdout).toMatch(/\nfsp .* one of a few bins of equal width\.\n/);
  const lfq = (await runVq(["quantizers", "lfq"])).stdout;
  expect(lfq).toContain("In the reference: LFQ.");
  expect(lfq).toMatch(/--entropy-loss-weight <n> {2}\[0\.1\]\n +Weight of the entropy loss/);
  const help = (await runVq(["train", "--quantizer", "lfq", "--help"])).stdout;
  expect(help).toContain("Options of lfq:");
  expect(help).toContain("--spherical");
  expect(help).toContain("Recipes");
});

test("a run that gets no better stops early, keeps its best model, and tells where time goes", async () => {
  // So small a norm of the gradients that nothing is learned but the codebook's averages.
  const { code, stdout, stderr } = await runVq([
    ...["train", "shapes", ...tiny, "--steps", "60", "--out", at("early")],
    ...["--clip", "1e-9", "--learning-rate", "1e-9", "--decay", "1", "--profile"],
    ...["--eval-every", "2", "--patience", "3"],
  ]);
  expect(stderr).toMatch(/Stopped at step \d+: no better for 3 evaluations/);
  expect(code).toBe(0);
  const numbers = JSON.parse(readFileSync(at("early", "report.json"), "utf8"));
  expect(numbers.stoppedEarly).toBe(true);
  expect(numbers.step).toBe(numbers.best.step + 6);
  expect(numbers.step).toBeLessThan(60);
  expect(numbers.validation.map(({ step }: { step: number }) => step)).toEqual(
    Array.from({ length: numbers.step / 2 }, (_, i) => 2 * (i + 1)),
  );
  const parts = ["data", "encoder forward", "quantizer forward", "decoder", "quantizer backward"];
  expect(numbers.profile.steps).toBe(numbers.step - 3);
  expect(Object.keys(numbers.profile.milliseconds)).toEqual([
    ...parts,
    "encoder backward",
    "optimizer",
  ]);
  for (const part of parts) {
    expect(stdout).toMatch(new RegExp(`\n${part} +[\\d.]+ ms, \\d+ % of a step\n`));
  }
  const html = readFileSync(at("early", "report.html"), "utf8");
  expect(html).toContain("Where the time of a step goes");
  const best = await runVq(["eval", at("early", "best.safetensors"), "shapes", "--images", "20"]);
  expect(best.stdout).toMatch(/PSNR/);

  const again = ["train", "shapes", "--out", at("early"), "--resume"];
  expect((await runVq(again)).stderr).toContain(
    "expected --patience above 3, after which the run stopped early, got 3",
  );
  expect((await runVq([...again, "--patience", "4"])).code).toBe(0);
});

test("decoding saved codes gives the reconstructions of eval, byte for byte", async () => {
  const codes = at("codes.npy");
  const data = ["shapes", "--images", "70"];
  expect((await runVq(["encode", run, ...data, "--out", codes])).code).toBe(0);
  const { shape, data: numbers } = parseNpy(readFileSync(codes));
  expect(shape).toEqual([70, 4, 4]);
  expect(numbers).toBeInstanceOf(Int32Array);
  expect(numbers.every((code) => code >= 0 && code < 16)).toBe(true);

  const decoded = await runVq(["decode", run, codes, "--out", at("decoded")]);
  expect(decoded.stdout).toMatch(/decoded: 70 images/);
  const evaluated = await runVq(["eval", run, ...data, "--out", at("evaluated")]);
  expect(evaluated.code).toBe(0);
  expect(readdirSync(at("decoded")).length).toBe(70);
  expect(contentsOf(at("decoded"))).toEqual(contentsOf(at("evaluated")));
});

test("eval measures what the pictures show", async () => {
  const { stdout } = await runVq([
    "eval",
    run,
    "shapes",
    "--images",
    "3",
    "--json",
    "--out",
    at("three"),
  ]);
  const line = JSON.parse(stdout);
  expect(line).toMatchObject({ event: "evaluation", images: 3 });
  expect(line.packedBitsPerPixel).toBeCloseTo((4 * 16) / 256, 10);
  expect(line.bitsPerPixel).toBeCloseTo((8 * line.bytes) / (3 * 16 * 16), 10);
  expect(line.commitment).toBeGreaterThan(0);
  expect(line.usedCodes).toBeLessThanOrEqual(16);
  expect(line.perplexity).toBeGreaterThan(1);
  // The same from the pictures: the built-in images again, and the reconstructions as bytes.
  const { shapeImages } = await import("vector-quantize/data");
  const { pixels } = shapeImages({ count: 3, seed: 2 ** 40, size: 16 });
  const pictures = await Promise.all(
    ["00000.png", "00001.png", "00002.png"].map((name) =>
      sharp(at("three", name)).raw().toBuffer(),
    ),
  );
  const made = Buffer.concat(pictures);
  const mse =
    made.reduce((sum, value, i) => sum + (value - (pixels[i] as number)) ** 2, 0) / made.length;
  expect(10 * Math.log10(255 ** 2 / mse)).toBeCloseTo(line.psnr, 1);
});

test("inspect shows configuration, shapes, parameters and codebook", async () => {
  const text = (await runVq(["inspect", run])).stdout;
  expect(text).toMatch(/parameters [\d,]+, quantizer state/);
  expect(text).toContain("16 of 4 features");
  expect(text).toMatch(/state\.codebook +\[16, 4\]/);
  const json = JSON.parse(
    (await runVq(["inspect", join(run, "model.safetensors"), "--json"])).stdout,
  );
  expect(json).toMatchObject({ event: "model", details: { images: { height: 16, channels: 3 } } });
  expect(json.codebook.codes).toBe(16);
});

test("--json prints one record a line and nothing else", async () => {
  const args = ["train", "shapes", "--steps", "3", ...tiny, "--out", at("json"), "--json"];
  const { stdout, stderr, code } = await runVq(args);
  expect(code).toBe(0);
  expect(stderr).toBe("");
  const records = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(records.map(({ event }) => event)).toEqual(["step", "step", "step", "done"]);
});

test("a closed pipe stops the printing, not the training", async () => {
  const args = ["train", "shapes", "--steps", "3", ...tiny, "--out", at("unheard")];
  const running = startVq(args);
  running.child.stdout?.destroy();
  running.child.stderr?.destroy();
  expect((await running).code).toBe(0);
  expect(readdirSync(at("unheard"))).toEqual(readdirSync(run));
});

test.runIf(existsSync("/dev/full"))("results that find a full disk are an error", () => {
  const full = openSync("/dev/full", "w");
  const main = new URL("../dist/main.js", import.meta.url).pathname;
  const args = [main, "train", "shapes", "--steps", "3", ...tiny, "--out", at("full")];
  const stdio = ["ignore", full, "pipe"] as const;
  const { status, stderr } = spawnSync(process.execPath, args, {
    stdio: [...stdio],
    encoding: "utf8",
  });
  closeSync(full);
  expect(stderr).toMatch(/ left\nvq: standard output: expected to write to it, got a full disk\n$/);
  expect(status).toBe(1);
  expect(readdirSync(at("full"))).toEqual(readdirSync(run));
});

test("files are taken at their size in crops, and what is left out is named", async () => {
  const { mkdirSync, writeFileSync } = await import("node:fs");
  mkdirSync(at("photos", "deep"), { recursive: true });
  const photo = (width: number, height: number) =>
    sharp({
      create: {
        width,
        height,
        channels: 3,
        background: "red",
        noise: { type: "gaussian", mean: 99, sigma: 50 },
      },
    });
  for (const name of ["a.png", "deep/b.tif", "c.avif"])
    await photo(90, 70).toFile(at("photos", name));
  await photo(20, 90).toFile(at("photos", "small.gif"));
  writeFileSync(at("photos", "notes.txt"), "");
  const args = [
    "train",
    at("photos"),
    "--steps",
    "2",
    ...tiny,
    "--size",
    "0",
    "--out",
    at("crops"),
  ];
  const whole = await runVq(args);
  expect(whole.stderr).toContain(
    `Left out a file, no images by their names: ${at("photos", "notes.txt")}`,
  );
  expect(whole.stderr).toContain(
    "photos: 4 images of 2 sizes, in crops of 64 x 64, colour; 1 held back",
  );
  expect(whole.code).toBe(0);
  const config = JSON.parse(readFileSync(at("crops", "config.json"), "utf8"));
  expect(config.training.crop).toBe(64);

  writeFileSync(at("photos", "broken.jpg"), "no picture");
  const broken = await runVq([...args, "--overwrite"]);
  expect(broken.stderr).toMatch(/\nvq: .*broken\.jpg: expected a readable PNG/);
  expect(broken.code).toBe(1);
  const skipped = await runVq([...args, "--overwrite", "--skip-unreadable", "--crop", "24"]);
  expect(skipped.stderr).toMatch(/Left out a file, unreadable: .*broken\.jpg: expected a readable/);
  expect(skipped.stderr).toContain("4 images of 2 sizes, in crops of 24 x 24, colour");
  expect(skipped.code).toBe(0);
});

test("images of a folder, an IDX file and a .npy file are all taken", async () => {
  const { mkdirSync, writeFileSync } = await import("node:fs");
  const { gzipSync } = await import("node:zlib");
  mkdirSync(at("pictures", "deep"), { recursive: true });
  const picture = (width: number, height: number) =>
    sharp({
      create: { width, height, channels: 4, background: { r: 9, g: 99, b: 199, alpha: 0.5 } },
    });
  await picture(40, 60).png().toFile(at("pictures", "a.png"));
  await picture(33, 20)
    .flatten()
    .jpeg()
    .toFile(at("pictures", "deep", "b.JPG"));
  await picture(16, 16)
    .webp()
    .toFile(at("pictures", "deep", "c.webp"));
  const idx = new Uint8Array(16 + 3 * 28 * 28).fill(77);
  idx.set([0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 28, 0, 0, 0, 28]);
  writeFileSync(at("digits.gz"), gzipSync(idx));
  const cases = [
    [at("pictures"), "3 images of 16 x 16, colour"],
    [at("digits.gz"), "3 images of 28 x 28, grey"],
    [at("pictures", "a.png"), "1 image of 16 x 16, colour"],
  ] as const;
  for (const [i, [data, words]] of cases.entries()) {
    const args = ["train", data, "--steps", "1", ...tiny, "--out", at(`data${i}`)];
    const { code, stderr } = await runVq(args);
    expect(stderr).toContain(words);
    expect(code).toBe(0);
  }
});
