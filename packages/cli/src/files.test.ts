/** Pictures into files of codes and back, as people do it. */
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { openVq } from "vector-quantize/codes";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { contentsOf, runVq, startVq, temporaryFolder } from "../../../test/support/vq.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 }); // processes that compile

const folder = temporaryFolder();
const at = (...names: string[]) => join(folder.path, ...names);
afterAll(() => folder[Symbol.dispose]());

const tiny = ["--steps", "6", "--batch", "8", "--width", "8", "--size", "16", "--images", "60"];
const residual = ["--quantizer", "residualVQ", "--codebook-size", "16,16", "--code-dim", "4"];

/** Waves, so that no two pictures are alike. */
async function picture(path: string, width: number, height: number): Promise<void> {
  const pixels = Buffer.alloc(width * height * 3);
  for (let i = 0; i < pixels.length; i++) pixels[i] = 128 + 100 * Math.sin(i * width * 1e-4);
  await sharp(pixels, { raw: { width, height, channels: 3 } }).toFile(path);
}

const decodedNames = ["a/b.jpg.png", "a/b.png.png", "a/deep/c.png", "d.png", "e.png"];

beforeAll(async () => {
  const out = ["--out", at("run")];
  const trained = await runVq(["train", "shapes", ...tiny, ...residual, "--patch", "4", ...out]);
  expect(trained.stderr).not.toContain("vq:");
  mkdirSync(at("photos", "a", "deep"), { recursive: true });
  await picture(at("photos", "a", "b.jpg"), 37, 50);
  await picture(at("photos", "a", "b.png"), 37, 50);
  await picture(at("photos", "a", "deep", "c.webp"), 16, 16);
  await picture(at("photos", "d.png"), 531, 514);
  await picture(at("photos", "e.tiff"), 1, 3);
  writeFileSync(at("photos", "notes.txt"), "");
  const encoded = await runVq(["encode", at("run"), at("photos"), "--out", at("codes.vq")]);
  expect(encoded.stderr).toBe(
    `Left out a file, no images by their names: ${at("photos", "notes.txt")}\n`,
  );
  expect(encoded.stdout).toMatch(/codes\.vq: 5 images in [\d,]+ bytes, [\d.]+ bits a pixel/);
});

test("names and sizes come back, and eval's reconstructions are those of the file, byte for byte", async () => {
  const decoded = await runVq(["decode", at("run"), at("codes.vq"), "--out", at("decoded")]);
  expect(decoded.stdout).toMatch(/decoded: 5 images/);
  const files = Object.entries(contentsOf(at("decoded"))).filter(([, what]) => what !== "folder");
  expect(files.map(([name]) => name)).toEqual(decodedNames);
  const { width, height } = await sharp(at("decoded", "d.png")).metadata();
  expect([width, height]).toEqual([531, 514]);

  const args = ["eval", at("run"), at("photos"), "--out", at("evaluated"), "--json"];
  const { stdout } = await runVq(args);
  expect(contentsOf(at("evaluated"))).toEqual(contentsOf(at("decoded")));
  const numbers = JSON.parse(stdout.trim().split("\n").at(-1) as string);
  expect(numbers).toMatchObject({ event: "evaluation", images: 5 });
  expect(numbers.bytes).toBe(readFileSync(at("codes.vq")).length);
  expect(numbers.pixels).toBe(2 * 37 * 50 + 16 * 16 + 531 * 514 + 3);
  expect(numbers.bitsPerPixel).toBeCloseTo((8 * numbers.bytes) / numbers.pixels, 12);
  expect(numbers.entropyBitsPerPixel).toBeLessThanOrEqual(numbers.packedBitsPerPixel);
});

test("codes that are chosen for their bits make smaller files, and come back", async () => {
  const args = (name: string) => ["encode", at("run"), at("photos"), "--out", at(name)];
  const encode = (name: string, ...more: string[]) => runVq([...args(name), ...more]);
  const encodeAlone = (name: string, ...more: string[]) =>
    startVq([...args(name), ...more, "--threads", "1"]);
  await encodeAlone("nearest.vq", "--rdo", "0");
  expect(readFileSync(at("nearest.vq"))).toEqual(readFileSync(at("codes.vq")));
  await encode("rdo.vq", "--rdo", "0.1");
  await encodeAlone("one.vq", "--rdo", "0.1");
  expect(readFileSync(at("one.vq"))).toEqual(readFileSync(at("rdo.vq")));
  const bytes = readFileSync(at("rdo.vq")).length;
  expect(bytes).toBeLessThan(readFileSync(at("codes.vq")).length * 0.97);
  await encode("told-rdo.vq", "--rdo", "0.1", "--prior");
  expect(readFileSync(at("told-rdo.vq")).length).toBeLessThan(bytes);
  const decoded = await runVq(["decode", at("run"), at("rdo.vq"), "--out", at("rdo")]);
  expect(decoded.stdout).toMatch(/rdo: 5 images/);
  const evaluate = ["eval", at("run"), at("photos"), "--rdo", "0.1", "--out", at("rdo-eval")];
  const { stdout } = await runVq([...evaluate, "--json"]);
  expect(contentsOf(at("rdo-eval"))).toEqual(contentsOf(at("rdo")));
  expect(JSON.parse(stdout.trim().split("\n").at(-1) as string)).toMatchObject({ bytes });
});

test("with the run's prior files are smaller, and decoded by it", async () => {
  const out = ["--prior", "--out", at("told.vq")];
  expect((await runVq(["encode", at("run"), at("photos"), ...out])).code).toBe(0);
  const size = (name: string) => readFileSync(at(name)).length;
  expect(size("told.vq")).toBeLessThan(size("codes.vq") - 50);
  const decode = ["decode", at("run"), at("told.vq"), "--out", at("told")];
  expect((await runVq(decode)).code).toBe(0);
  expect(contentsOf(at("told"))).toEqual(contentsOf(at("decoded")));
});

test("without the very prior that a file was written with it is not decoded", async () => {
  const path = at("run", "prior.vq");
  const written = readFileSync(path);
  const { header } = await openVq(readFileSync(at("told.vq")));
  const needed = `told.vq: expected the prior ${header.prior} that it was written with as ${path}, got`;
  const decode = ["decode", at("run"), at("told.vq"), "--out", at("untold")];
  rmSync(path);
  expect((await runVq(decode)).stderr).toContain(`${needed} no such file`);
  const made = await runVq(["prior", at("run"), at("photos")]);
  const name = /prior ([0-9a-f]{16}), /.exec(made.stdout)?.[1];
  expect((await runVq(decode)).stderr).toContain(`${needed} ${name}`);
  writeFileSync(path, written);
});

test("one picture by its name, and the first layers coarsely", async () => {
  const decode = ["decode", at("run"), at("codes.vq")];
  const only = ["--only", "a/deep/c.webp", "--out", at("only")];
  expect((await runVq([...decode, ...only])).stdout).toMatch(/only: 1 image/);
  const png = (...path: string[]) => readFileSync(at(...path, "a", "deep", "c.png"));
  expect(png("only")).toEqual(png("decoded"));

  const coarse = await runVq([...decode, ...only.slice(0, 3), at("coarse"), "--layers", "1"]);
  expect(coarse.code).toBe(0);
  expect(png("coarse")).not.toEqual(png("decoded"));
  const all = await runVq([...decode, ...only.slice(0, 3), at("fine"), "--layers", "2"]);
  expect(all.code).toBe(0);
  expect(png("fine")).toEqual(png("decoded"));
});

test("inspect lists a file's pictures without its model", async () => {
  const { stdout } = await runVq(["inspect", at("codes.vq")]);
  expect(stdout).toMatch(/ {2}531 x 514 +\[129, 133\] +d\.png\n/);
  expect(stdout).toMatch(/pictures +5, in \d+ chunks\n/);
  expect(stdout).toMatch(/quantizer +residualVQ, codes of 16, 16\nmodel +sha256:[\da-f]{32}\n/);
  expect(stdout).toMatch(/bits per code +[\d.]+, packed 4\.00\n/);
});

test("codes may be written into a new folder, and be called anything", async () => {
  const encode = ["encode", at("run"), at("photos", "d.png"), "--out", at("new", "deep", "codes")];
  expect((await runVq(encode)).code).toBe(0);
  const { stdout } = await runVq(["inspect", at("new", "deep", "codes")]);
  expect(stdout).toMatch(/pictures +1, in 1 chunks\n/);
});

test.each([
  ["of another name", ["--only", "z.png"], "expected the name of one of its 5 pictures, got z.png"],
  ["of more layers", ["--layers", "3"], "--layers: expected at most 2, as "],
])("codes %s are an error", async (_, args, message) => {
  const decoded = await runVq(["decode", at("run"), at("codes.vq"), "--out", at("no"), ...args]);
  expect(decoded).toMatchObject({ code: 1, stdout: "" });
  expect(decoded.stderr).toContain(message);
});

test("codes of another model, and of no model, are an error before anything is written", async () => {
  const out = ["--out", at("other"), "--seed", "5"];
  await runVq(["train", "shapes", ...tiny, ...residual, "--patch", "4", ...out]);
  const decoded = await runVq(["decode", at("other"), at("codes.vq"), "--out", at("wrong")]);
  expect(decoded.stderr).toMatch(
    /codes\.vq: expected codes of the model .+other.+, sha256:[\da-f]{12}, got those of another, sha256:/,
  );
  writeFileSync(at("text.vq"), "no codes");
  const text = await runVq(["decode", at("run"), at("text.vq"), "--out", at("wrong")]);
  expect(text.stderr).toContain("text.vq: expected a");
  expect(readdirSync(folder.path)).not.toContain("wrong");
});

test("a damaged chunk is named, and the other pictures are decoded", async () => {
  const bytes = readFileSync(at("codes.vq"));
  const place = bytes.length - 400; // in the last groups' codes
  bytes[place]! ^= 1;
  writeFileSync(at("damaged.vq"), bytes);
  const decoded = await runVq(["decode", at("run"), at("damaged.vq"), "--out", at("rest")]);
  expect(decoded.code).toBe(1);
  expect(decoded.stderr).toMatch(
    /damaged\.vq: expected a whole file, got a damaged one, of which \d/,
  );
  const rest = Object.entries(contentsOf(at("rest"))).filter(([, what]) => what !== "folder");
  expect(rest.length).toBeGreaterThan(0);
  expect(rest.length).toBeLessThan(5);
  const whole = contentsOf(at("decoded"));
  for (const [name, content] of rest) expect(content).toBe(whole[name]);
});

test("a .npy file takes pictures of one size, and says where they are not", async () => {
  const npy = ["--out", at("codes.npy")];
  const mixed = await runVq(["encode", at("run"), at("photos"), ...npy]);
  expect(mixed.stderr).toContain("codes.npy: expected pictures of one size");
  const cut = await runVq(["encode", at("run"), at("photos"), "--size", "18", ...npy]);
  expect(cut.code).toBe(0);
  const decoded = await runVq(["decode", at("run"), at("codes.npy"), "--out", at("numbers")]);
  expect(decoded.code).toBe(0);
  expect(readdirSync(at("numbers"))).toHaveLength(5);
});

test("a broken file is an error that names it, or left out", async () => {
  mkdirSync(at("broken"));
  await picture(at("broken", "a.png"), 20, 20);
  writeFileSync(at("broken", "b.jpg"), "no picture");
  const args = ["encode", at("run"), at("broken"), "--out", at("broken.vq")];
  const failed = await runVq(args);
  expect(failed.stderr).toMatch(/b\.jpg: expected a readable PNG/);
  expect(readdirSync(folder.path).filter((name) => name.includes("broken.vq"))).toEqual([]);
  const skipped = await runVq([...args, "--skip-unreadable"]);
  expect(skipped.stderr).toContain("Left out a file, unreadable");
  expect(skipped.stdout).toMatch(/broken\.vq: 1 image/);
});

test("Ctrl-C and kill -9 leave no half file, nor what was there before any worse", async () => {
  mkdirSync(at("many"));
  await picture(at("many", "0.png"), 700, 700);
  for (let i = 1; i < 40; i++) symlinkSync(at("many", "0.png"), at("many", `${i}.png`));
  writeFileSync(at("kept.vq"), "before");
  const args = ["encode", at("run"), at("many"), "--out", at("kept.vq")];
  const halves = () => readdirSync(folder.path).filter((name) => name.startsWith(".kept.vq."));
  for (const signal of ["SIGINT", "SIGKILL"] as const) {
    const running = startVq(args);
    while (halves().length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    running.child.kill(signal);
    const { code } = await running;
    expect(readFileSync(at("kept.vq"), "utf8")).toBe("before");
    expect(code).toBe(signal === "SIGINT" ? 130 : null);
    expect(halves()).toHaveLength(signal === "SIGINT" ? 0 : 1);
  }
  expect(
    (await runVq(["encode", at("run"), at("broken", "a.png"), "--out", at("kept.vq")])).code,
  ).toBe(0);
  expect(halves()).toEqual([]);
});

test("eval compares with other formats", async () => {
  const args = ["eval", at("run"), at("broken", "a.png"), "--against", "jpeg,webp"];
  const { stdout } = await runVq(args);
  expect(stdout).toMatch(/\nthis model( +[\d.]+){3}\n/);
  expect(stdout).toMatch(/\njpeg 75( +[\d.]+){3}\n/);
  expect(stdout).toMatch(/\nwebp +.+ at [\d.]+ bits a pixel\n/);
  const wrong = await runVq([...args.slice(0, -1), "bmp"]);
  expect(wrong.stderr).toContain("Expected some of jpeg, webp, avif, opus, codec2, got bmp.");
});
