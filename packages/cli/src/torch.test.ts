/** `vq import` and `vq export`: quantizers of the reference, there and back. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { numpy as np, random, tree } from "@jax-js/jax";
import { groupedResidualVQ, residualVQ } from "vector-quantize";
import { parseNpy, writeNpy } from "vector-quantize/data";
import { imageAutoencoder, saveModel } from "vector-quantize/nn";
import { readSafetensors, saveSafetensors } from "vector-quantize/safetensors";
import { toTorch } from "vector-quantize/torch";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { temporaryFolder } from "../../../test/support/vq.ts";
import { run } from "./program.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const folder = temporaryFolder();
const at = (...names: string[]) => join(folder.path, ...names);
afterAll(() => folder[Symbol.dispose]());

const kwargs = { dim: 4, codebook_size: 16, num_quantizers: 3 };
const quantizer = residualVQ({ dim: 4, codebookSize: 16, numQuantizers: 3 });
const variables = quantizer.init(random.key(0));
const vectors = () => random.normal(random.key(1), [50, 4]);
const said: string[] = [];

beforeAll(async () => {
  const { tensors } = toTorch(quantizer, tree.ref(variables));
  const network = Object.entries(tensors).map(([name, own]) => [`1.${name}`, own]);
  const others = { "0.weight": np.zeros([2, 2]) };
  const bytes = await saveSafetensors({ ...Object.fromEntries(network), ...others });
  writeFileSync(at("net.safetensors"), bytes);
  const data = (await vectors().data()) as Float32Array<ArrayBuffer>;
  writeFileSync(at("vectors.npy"), writeNpy({ shape: [50, 4], data }));
});

/** Runs a command, and keeps what it says. */
async function vq(...args: string[]): Promise<number> {
  said.length = 0;
  const keep = ((text: string) => said.push(text)) as never;
  const spies = [process.stdout, process.stderr].map((stream) =>
    vi.spyOn(stream, "write").mockImplementation(keep),
  );
  try {
    return await run(args);
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

const importing = (...more: string[]) =>
  vq("import", at("net.safetensors"), "--class", "ResidualVQ", "--out", at("run"), ...more);

test("a quantizer of a network's file becomes a run that encodes vectors", async () => {
  expect(await importing("--kwargs", JSON.stringify(kwargs), "--prefix", "1")).toBe(0);
  expect(await vq("inspect", at("run"))).toBe(0);
  expect(said.join("")).toMatch(/residualVQ +dim 4, codebookSize 16, numQuantizers 3/);
  expect(await vq("encode", at("run"), at("vectors.npy"), "--out", at("codes.npy"))).toBe(0);
  const codes = parseNpy(readFileSync(at("codes.npy")));
  const indices = await quantizer.encode(tree.ref(variables), vectors());
  expect(codes.shape).toEqual([50, 3]);
  expect(codes.data).toEqual(await indices.data());
});

test("export writes ONNX files of it", async () => {
  expect(await vq("export", at("run"), "--format", "onnx")).toBe(0);
  for (const name of ["encode.onnx", "decode.onnx", "apply.onnx"]) {
    expect(readFileSync(at("run", "onnx", name)).length).toBeGreaterThan(100);
  }
});

test("export writes the tensors and options that were imported", async () => {
  expect(await vq("export", at("run"), "--format", "torch", "--out", at("back"))).toBe(0);
  const told = JSON.parse(readFileSync(at("back", "quantizer.json"), "utf8"));
  expect(told).toEqual({ class: "ResidualVQ", kwargs, dropped: [] });
  const { tensors } = readSafetensors(readFileSync(at("back", "quantizer.safetensors")));
  const { tensors: wanted } = toTorch(quantizer, tree.ref(variables));
  expect(Object.keys(tensors).sort()).toEqual(Object.keys(wanted).sort());
  for (const [name, own] of Object.entries(wanted)) {
    expect(await tensors[name]?.data(), name).toEqual(await own.data());
  }
});

test("export of a whole model is its quantizer, and says so", async () => {
  const grouped = groupedResidualVQ({
    dim: 4,
    groups: 2,
    codebookSize: 8,
    numQuantizers: 2,
    layout: "image",
    thresholdEmaDeadCode: { share: 0.1 },
  });
  const shape = { channels: 1, patch: 2, width: 4, depth: 1, codeDim: 4 };
  const model = imageAutoencoder({ ...shape, quantizer: grouped });
  writeFileSync(at("model.safetensors"), await saveModel(model, model.init(random.key(0))));
  expect(await vq("export", at("model.safetensors"), "--format", "torch")).toBe(0);
  expect(said.join("")).toMatch(/The quantizer alone: the \d+ layers around it are not in/);
  expect(said.join("")).toContain("Left out: thresholdEmaDeadCode");
  const told = JSON.parse(readFileSync(at("torch", "quantizer.json"), "utf8"));
  expect(told.kwargs).toMatchObject({ dim: 4, groups: 2, accept_image_fmap: true });
});

test.each([
  [["--kwargs", "{dim: 4}"], 2, "Python's True, False and None are true, false and null"],
  [
    ["--kwargs", JSON.stringify({ ...kwargs, num_quantizers: 2 }), "--prefix", "1"],
    1,
    "num_quantizers: 3?",
  ],
  [["--kwargs", JSON.stringify(kwargs)], 1, 'prefix: "1"?'],
])("a wrong import %j is one line", async (args, code, line) => {
  expect(await importing(...args)).toBe(code);
  expect(said.join("")).toContain(line);
  expect(said.join("").trim().split("\n")).toEqual([expect.anything()]);
});

test("a file of another kind is named", async () => {
  writeFileSync(at("photo.png"), Buffer.from("\x89PNG\r\n\x1a\n and so on", "latin1"));
  const args = ["--class", "VectorQuantize", "--kwargs", "{}", "--out", at("other")];
  expect(await vq("import", at("photo.png"), ...args)).toBe(1);
  expect(said.join("")).toMatch(/photo\.png: .*Is it a safetensors file\?/);
});

test("what needs pictures says that it has a quantizer alone", async () => {
  await importing("--kwargs", JSON.stringify(kwargs), "--prefix", "1");
  expect(await vq("eval", at("run"), "shapes")).toBe(1);
  expect(said.join("")).toContain("expected a model that vq train wrote, got a quantizer alone");
  expect(await vq("encode", at("run"), at("vectors.npy"), "--out", at("codes.vq"))).toBe(2);
  expect(said.join("")).toContain("--out: expected a .npy file, got");
  expect(await vq("encode", at("run"), at("vectors.npy"), "--out", at("vectors.npy"))).toBe(2);
  expect(said.join("")).toContain("--out: expected another file than the vectors, got");
  writeFileSync(at("bytes.npy"), writeNpy({ shape: [2, 4], data: new Int8Array(8) }));
  expect(await vq("encode", at("run"), at("bytes.npy"), "--out", at("codes.npy"))).toBe(1);
  expect(said.join("")).toMatch(
    /expected float32 or float64 vectors \[N, \d+\], got Int8Array \[2, 4\]/,
  );
});
