import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { parseNpy, shapeImages, writeNpy } from "vector-quantize/data";
import { readSafetensors, saveSafetensors } from "vector-quantize/safetensors";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import {
  contentsOf,
  type Outcome,
  runVq,
  startVq,
  temporaryFolder,
} from "../../../test/support/vq.ts";
import { tone, wavOf } from "../../../test/support/wav.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 }); // processes that compile

/** The smallest run that there is. */
const tiny = [
  "--steps",
  "2",
  "--batch",
  "4",
  "--codes",
  "8",
  "--code-dim",
  "4",
  "--width",
  "8",
  "--patch",
  "4",
];

const folder = temporaryFolder();
const at = (...names: string[]) => join(folder.path, ...names);
const model = at("run", "model.safetensors");

/** Every wrong command must leave the folder as it was. */
let before: Record<string, string>;

async function altered(
  name: string,
  change: (file: ReturnType<typeof readSafetensors>) => void,
  from = join("run", "model.safetensors"),
): Promise<void> {
  const file = readSafetensors(readFileSync(at(from)));
  change(file);
  writeFileSync(at(name), await saveSafetensors(file.tensors, file.metadata));
}

beforeAll(async () => {
  const trained = await runVq(["train", "shapes", "--images", "8", ...tiny, "--out", at("run")]);
  expect(trained.stderr).not.toContain("vq:");
  expect(trained.code).toBe(0);
  const bytes = readFileSync(model);
  writeFileSync(at("cut.safetensors"), bytes.subarray(0, 1000));
  writeFileSync(at("text.safetensors"), "not a model at all, only some words in a file");
  await altered("later.safetensors", ({ metadata }) => {
    metadata.version = "9";
  });
  await altered("less.safetensors", ({ tensors }) => {
    tensors["state.codebook"]?.dispose();
    delete tensors["state.codebook"];
  });

  mkdirSync(at("foreign"));
  const checkpoint = join("run", "training.safetensors");
  await altered(
    join("foreign", "training.safetensors"),
    ({ metadata }) => {
      metadata.details = "{}";
    },
    checkpoint,
  );

  const { pixels } = shapeImages({ count: 4 });
  const floats = Float32Array.from(pixels, (value) => value / 255);
  const npy = (name: string, shape: number[], data: Parameters<typeof writeNpy>[0]["data"]) =>
    writeFileSync(at(name), writeNpy({ shape, data }));
  npy("nan.npy", [4, 32, 32, 3], floats.with(5000, Number.NaN) as Float32Array);
  npy("infinite.npy", [4, 32, 32, 3], floats.with(3, Number.POSITIVE_INFINITY) as Float32Array);
  npy("large.npy", [4, 32, 32, 3], floats.with(3, 255) as Float32Array);
  npy("flat.npy", [4, 3072], pixels);
  npy("five.npy", [4, 32, 32, 3, 1], pixels);
  npy("channels-first.npy", [4, 3, 32, 32], pixels);
  npy("odd.npy", [4, 31, 31, 3], pixels.slice(0, 4 * 31 * 31 * 3));
  npy("grey.npy", [12, 32, 32], pixels);
  npy("codes-high.npy", [1, 8, 8], new Int32Array(64).fill(8));
  npy("codes-float.npy", [1, 8, 8], new Float32Array(64));
  npy("codes-flat.npy", [64], new Int32Array(64));
  writeFileSync(at("cut.npy"), readFileSync(at("grey.npy")).subarray(0, 5000));
  writeFileSync(at("cut.idx"), Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0, 4, 1, 2));
  writeFileSync(at("labels.idx"), Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 2, 1, 2));
  writeFileSync(at("cut.gz"), Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0));
  writeFileSync(at("words.txt"), "hello");
  writeFileSync(at("beep.wav"), wavOf(tone(300, 0.3)));
  mkdirSync(at("empty"));
  mkdirSync(at("broken"));
  writeFileSync(at("broken", "a.png"), "this is no picture");
  mkdirSync(at("halves"));
  const jpeg = await sharp({ create: { width: 64, height: 64, channels: 3, background: "red" } })
    .jpeg()
    .toBuffer();
  writeFileSync(at("halves", "b.jpg"), jpeg.subarray(0, jpeg.length / 2));
  expect(parseNpy(readFileSync(at("grey.npy"))).shape).toEqual([12, 32, 32]);
  before = contentsOf(folder.path);
});

afterAll(() => folder[Symbol.dispose]());

/** The arguments, what the one line says, and the exit code. */
type Case = [name: string, args: string[], message: string, code?: number];

const train = (data: string) => ["train", at(data), ...tiny, "--out", at("new")];
const evaluate = (file: string, data = "shapes") => ["eval", at(file), data];
const decode = (codes: string) => ["decode", model, at(codes), "--out", at("new")];

const cases: Record<string, Case[]> = {
  "training data": [
    ["nothing there", train("missing"), "missing: expected a folder of images"],
    ["an empty folder", train("empty"), "empty: expected at least one image"],
    ["a file that is no image", train("broken"), "a.png: expected a readable PNG"],
    ["and is told the way out", train("broken"), "Leave such files out by --skip-unreadable"],
    ["half a JPEG", train("halves"), "b.jpg: expected a readable PNG"],
    ["another kind of file", train("words.txt"), "words.txt: expected an image, an IDX file"],
    ["NaN", train("nan.npy"), "nan.npy: image 1: expected finite values, got NaN"],
    ["infinity", train("infinite.npy"), "image 0: expected finite values, got Infinity"],
    ["floats that are bytes", train("large.npy"), "expected floats from 0 to 1, got 255"],
    ["too few axes", train("flat.npy"), "flat.npy: shape: expected [N, H, W]"],
    ["too many axes", train("five.npy"), "got [4, 32, 32, 3, 1]"],
    ["channels first", train("channels-first.npy"), "Move the channels to the last axis"],
    [
      "a size that is no multiple of 4",
      train("odd.npy"),
      "odd.npy: expected images whose sides are multiples of 4",
    ],
    ["half a .npy file", train("cut.npy"), "cut.npy: [12,32,32]: expected 12288 bytes"],
    ["half an IDX file", train("cut.idx"), "cut.idx: [2,4,4]: expected 32 bytes, got 2"],
    ["an IDX file of labels", train("labels.idx"), "labels.idx: shape: expected [N, H, W]"],
    ["half a gzip file", train("cut.gz"), "cut.gz: expected an intact gzip file"],
  ],
  "a model": [
    ["that isn't there", evaluate("none"), "none: expected a readable file, got no such file"],
    [
      "that is a folder of pictures",
      evaluate("broken"),
      "broken: expected a model or the folder of a run, got a folder without model.safetensors",
    ],
    ["cut short", evaluate("cut.safetensors"), "cut.safetensors: expected"],
    ["that is text", evaluate("text.safetensors"), "text.safetensors: expected a header"],
    ["of a later version", evaluate("later.safetensors"), 'format version: expected "1", got "9"'],
    ["without its codebook", evaluate("less.safetensors"), 'tensor "state.codebook": expected one'],
    [
      "that is a training checkpoint",
      evaluate("run/training.safetensors"),
      'training.safetensors: expected a checkpoint of kind "model", got "training"',
    ],
    ["for other channels", evaluate("run", at("grey.npy")), "expected images of 3 channel(s)"],
  ],
  codes: [
    [
      "in the place of the pictures",
      ["encode", model, at("grey.npy"), "--out", at("grey.npy")],
      "--out: expected another file than what is encoded, got",
      2,
    ],
    ["beyond the codebook", decode("codes-high.npy"), "expected codes from 0 to 7, got 8"],
    ["that are floats", decode("codes-float.npy"), "expected integers, got floats"],
    ["of another rank", decode("codes-flat.npy"), "expected codes of shape [N, height, width]"],
    ["that are a folder", decode("broken"), "broken: expected a readable file, got a folder"],
    [
      "that are an IDX file",
      decode("cut.idx"),
      "cut.idx: expected a .vq file, got another kind of file",
    ],
  ],
  "a run": [
    ["in the way", ["train", "shapes", ...tiny, "--out", at("run")], "--resume"],
    [
      "that isn't there, resumed",
      ["train", "shapes", ...tiny, "--out", at("new"), "--resume"],
      "training.safetensors: expected a readable file",
    ],
    [
      "resumed, but done",
      ["train", "shapes", "--out", at("run"), "--resume"],
      "expected --steps above 2, which are done, got 2",
    ],
    [
      "resumed with other settings",
      ["train", "shapes", "--out", at("run"), "--resume", "--steps", "3", "--codes", "16"],
      "--resume: expected codebookSize 8, as the run began with, got 16",
    ],
    [
      "resumed with another average",
      ["train", "shapes", "--out", at("run"), "--resume", "--steps", "3", "--ema", "0.9"],
      "--resume: expected ema 0, as the run began with, got 0.9",
    ],
    [
      "with patience, but no evaluations",
      [...train("grey.npy"), "--patience", "3"],
      "--patience 3: expected --eval-every beside it, got none",
    ],
    [
      "evaluated by no images",
      [...train("grey.npy"), "--eval-every", "1", "--validation", "0"],
      "--eval-every 1: expected --validation above 0, for images to judge by, got 0",
    ],
    ["averaged for ever", [...train("grey.npy"), "--ema", "1"], "--ema: expected less than 1"],
    [
      "that another program trained",
      ["train", "shapes", "--out", at("foreign"), "--resume"],
      "training.safetensors: expected a checkpoint that vq train wrote, got one without",
    ],
    [
      "resumed from a model",
      ["train", "shapes", "--out", at("swapped"), "--resume"],
      "expected a readable file",
    ],
  ],
  "the command line": [
    ["with no command", ["trian"], "unknown command 'trian'", 2],
    ["with an unknown option", ["inspect", model, "--colour"], "unknown option '--colour'", 2],
    ["without --out", ["train", "shapes"], "required option '--out <dir>' not specified", 2],
    [
      "for sounds, of data that aren't there",
      ["train", "none", "--bitrate", "4000", "--out", at("new")],
      "none: expected a folder of images or of sounds, one image or sound,",
    ],
    [
      "with a rate that no sound has",
      ["train", at("beep.wav"), "--sample-rate", "10", "--out", at("new")],
      "--sample-rate: expected 0 or at least 1000 samples a second, got 10",
    ],
    [
      "with more bits than the dial has at a rate",
      ["train", at("beep.wav"), "--sample-rate", "1000", "--bitrate", "9000", "--out", at("new")],
      "--bitrate: expected at most 4,800 bits a second at 1,000 Hz, got 9000",
      2,
    ],
    [
      "without any loss",
      ["train", at("beep.wav"), "--out", at("new"), "--waveform", "0", "--mel", "0", "--stft", "0"],
      "--waveform, --mel, --stft: expected one of them above 0, got none",
    ],
    ["without data", ["train", "--out", at("new")], "missing required argument 'data'", 2],
    [
      "an index of vectors",
      ["inspect", at("none.vqi")],
      "got an index of vectors, which vq search takes",
    ],
    [
      "with an escape in it",
      ["inspect", at("\u001b[31m\n\u009b")],
      "/\\u001b[31m \\u009b: expected",
    ],
    ["with no number", [...train("grey.npy"), "--batch", "x"], "Expected an integer", 2],
    ["with 0 steps", [...train("grey.npy"), "--steps", "0"], "an integer of at least 1", 2],
    [
      "with an option of another quantizer",
      [...train("grey.npy"), "--levels", "8"],
      "--levels: expected an option of vectorQuantize, got one of fsq, residualFSQ,",
      2,
    ],
    [
      "with a quantizer that there is none of",
      [...train("grey.npy"), "--quantizer", "fsk"],
      "expected one of vectorQuantize, residualVQ,",
      1,
    ],
    [
      "without what a quantizer needs",
      [...train("grey.npy"), "--quantizer", "residualVQ"],
      "--num-quantizers: expected the number of layers, got none",
      2,
    ],
    [
      "with an option that a table refuses",
      [...train("grey.npy"), "--threshold-ema-dead-code.share", "2"],
      "--threshold-ema-dead-code.share: expected a number from 0 to 1, got 2",
      2,
    ],
    [
      "with options that don't go together",
      [...train("grey.npy"), "--metric", "cosine", "--learnable-codebook"],
      "--quantizer vectorQuantize: expected metric euclidean with a learnable codebook, got cosine",
      2,
    ],
    [
      "with half a list",
      [...train("grey.npy"), "--commitment", "[8"],
      "'--commitment <value>' argument '[8' is invalid. Expected JSON",
      2,
    ],
    [
      "with scales that are not the encoder's",
      [...train("grey.npy"), "--quantizer", "hierarchicalVQ", "--scales", "1,2"],
      "--scales: expected to end with 8, the side of 32 x 32 images in patches of 4, got 2",
      2,
    ],
    [
      "with more codes than can be counted",
      [...train("grey.npy"), "--quantizer", "lfq", "--codes", "8388608"],
      "--quantizer lfq: expected at most 4194304 codes",
      2,
    ],
    [
      "with the dial and what it chooses",
      ["train", at("grey.npy"), "--out", at("new"), "--bits-per-pixel", "1", "--patch", "4"],
      "--bits-per-pixel: expected no --patch, no --quantizer and none of its options beside it, got --patch",
      2,
    ],
    [
      "with the dial and a codebook's size",
      ["train", at("grey.npy"), "--out", at("new"), "--bits-per-pixel", "1", "--codes", "64"],
      "none of its options beside it, got --codebook-size",
      2,
    ],
    ["with another device", ["inspect", model, "--device", "abacus"], "Allowed choices are", 2],
    ["with one argument too many", ["inspect", model, model], "too many arguments", 2],
  ],
};

function expectOutcome({ code, stdout, stderr }: Outcome, [, , message, expected = 1]: Case): void {
  expect(stderr).toContain(message);
  expect(stderr).toMatch(/^vq: \P{Cc}+\n$/u);
  expect(stdout).toBe("");
  expect(code).toBe(expected);
}

/** How each of them ends, by its arguments. */
const outcomes = new Map<string[], Outcome>();

beforeAll(async () => {
  const commands = Object.values(cases).flatMap((rows) => rows.map(([, args]) => args));
  for (const args of commands) outcomes.set(args, await runVq(args));
});

describe.each(Object.entries(cases))("%s", (_, rows) => {
  test.each(rows)("%s", (...row) => {
    expectOutcome(outcomes.get(row[1]) as Outcome, row);
  });

  test("the first of them, in a process of its own", async () => {
    const [first] = rows as [Case];
    expectOutcome(await startVq(first[1]), first);
  });
});

test("nothing on the disk has changed", () => {
  expect(contentsOf(folder.path)).toEqual(before);
});

test("a debug variable adds the stack trace", async () => {
  const { spawnSync } = await import("node:child_process");
  const main = new URL("../dist/main.js", import.meta.url).pathname;
  const { stderr } = spawnSync(process.execPath, [main, "inspect", at("none")], {
    env: { ...process.env, VQ_DEBUG: "1" },
    encoding: "utf8",
  });
  expect(stderr).toContain("\n    at ");
});
