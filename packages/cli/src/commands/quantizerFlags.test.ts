import { Command } from "commander";
import { describeQuantizer, quantizerTypes } from "vector-quantize/options";
import { expect, test } from "vitest";
import { allDeclarations } from "../training/settings.ts";
import { addQuantizerFlags, typeIn } from "./quantizerFlags.ts";

function given(type: string, ...args: string[]): Record<string, unknown> {
  const command = new Command().exitOverride().configureOutput({ writeErr() {} });
  const flags = addQuantizerFlags(command, describeQuantizer(type), args);
  command.parse(args, { from: "user" });
  return flags.given(command);
}

test.each<[string, string[], Record<string, unknown>]>([
  ["vectorQuantize", [], {}],
  ["vectorQuantize", ["--codes", "8", "--code-dim", "4"], { codebookSize: 8, dim: 4 }],
  ["vectorQuantize", ["--codes", "8", "--codebook-size", "9"], { codebookSize: 9 }],
  ["vectorQuantize", ["--commitment", "0.5"], { commitmentWeight: 0.5 }],
  ["vectorQuantize", ["--commitment", "crossEntropy"], { commitment: "crossEntropy" }],
  ["lfq", ["--commitment", "0.5", "--spherical"], { commitmentLossWeight: 0.5, spherical: true }],
  ["lfq", ["--no-projection-has-bias"], { projectionHasBias: false }],
  [
    "vectorQuantize",
    ["--threshold-ema-dead-code.share", "0.2"],
    { thresholdEmaDeadCode: { share: 0.2 } },
  ],
  [
    "vectorQuantize",
    ["--threshold-ema-dead-code", '{"share":0.2}'],
    { thresholdEmaDeadCode: { share: 0.2 } },
  ],
  ["vectorQuantize", ["--threshold-ema-dead-code=2"], { thresholdEmaDeadCode: 2 }],
  ["residualFSQ", ["--levels", "8,5,5"], { levels: [8, 5, 5] }],
  ["residualFSQ", ["--levels", "[8, 5]"], { levels: [8, 5] }],
  ["fsq", ["--levels", "8,"], { levels: [8] }],
  ["fsq", ["--levels", "8,x"], { levels: [8, "x"] }],
  ["residualVQ", ["--codebook-size", "512,256"], { codebookSize: [512, 256] }],
  ["fsp", ["--vector-norm.mean", "[1,2]"], { vectorNorm: { mean: [1, 2] } }],
  ["vectorQuantize", ["--decay", "x"], { decay: "x" }], // for its table to refuse
  [
    "residualQuantizer",
    ["--layers", '[{"type":"identity","dim":3}]'],
    { layers: [{ type: "identity", dim: 3 }] },
  ],
])("%s %j", (type, args, options) => {
  expect(given(type, ...args)).toEqual(options);
});

test("what is no flag of the quantizer is refused", () => {
  for (const flag of ["--layout", "--vq-bridge"]) {
    expect(() => given("vectorQuantize", flag, "1")).toThrow("unknown option");
  }
  for (const flag of ["--entropy-loss-weight", "--no-spherical"]) {
    expect(() => given("vectorQuantize", flag)).toThrow(
      `${flag}: expected an option of vectorQuantize, got one of lfq, `,
    );
  }
  for (const [theirs, ours] of [
    ["--dim", "--code-dim"],
    ["--rotation-trick", "--gradient"],
    ["--use-cosine-sim", "--metric"],
  ] as const) {
    expect(() => given("vectorQuantize", theirs, "1")).toThrow(
      `${theirs}: expected ${ours}, as it is called here`,
    );
  }
});

test.each(quantizerTypes)("%s has no flag that the command has", (type) => {
  const command = new Command();
  for (const [, { flags }] of allDeclarations) command.option(flags);
  for (const flag of ["out", "config", "quantizer", "time", "profile", "resume", "overwrite"]) {
    command.option(`--${flag} <x>`);
  }
  for (const flag of ["threads", "device", "json"]) command.option(`--${flag} <x>`);
  addQuantizerFlags(command, describeQuantizer(type), []); // throws for one that is there
});

test("the quantizer is known before the line is read", () => {
  expect(typeIn(["train", "x"])).toBeUndefined();
  expect(typeIn(["--quantizer", "fsq", "--steps", "3"])).toBe("fsq");
  expect(typeIn(["--quantizer=lfq"])).toBe("lfq");
  expect(typeIn(["--config", "nowhere.json"])).toBeUndefined();
});
