import { expect, it } from "vitest";
import { VectorQuantizeError } from "../errors.ts";
import { layerFromConfig, modelFromConfig } from "../nn/registry.ts";
import { quantizerFromConfig } from "./registry.ts";

/** The message of the VectorQuantizeError that `make` throws. */
function refusal(make: () => unknown): string {
  try {
    make();
  } catch (error) {
    expect(error).toBeInstanceOf(VectorQuantizeError);
    return (error as Error).message;
  }
  return "nothing was thrown";
}

const leaf = { type: "vectorQuantize", dim: 4, codebookSize: 8 };
/** `wrap` of `wrap` of ... of `inner`. */
function wrapped<T>(inner: T, depth: number, wrap: (inside: T) => T): T {
  let outer = inner;
  for (let i = 0; i < depth; i++) outer = wrap(outer);
  return outer;
}
const nested = (depth: number) =>
  wrapped<object>(leaf, depth, (inside) => ({ type: "residualQuantizer", layers: [inside] }));
const lists = (depth: number) => wrapped<unknown[]>([], depth, (inside) => [inside]);
const blocks = (depth: number) =>
  wrapped<object>({ type: "relu" }, depth, (inside) => ({ type: "residual", layers: [inside] }));

it.each([
  ["null", null, "quantizer: configuration: expected an object with a type, got null"],
  ["undefined", undefined, "an object with a type, got undefined"],
  ["a text", "fsq", 'an object with a type, got "fsq"'],
  ["a list", [leaf], "an object with a type, got [Object]"],
  ["no type", {}, "an object with a type, got Object"],
  ["a type that is no text", { type: { toString: null } }, "an object with a type, got Object"],
  ["toString", { type: "toString" }, "quantizer type: expected one of binaryMapper, factorizedVQ,"],
  ["constructor", { type: "constructor" }, 'got "constructor"'],
  ["__proto__", { type: "__proto__" }, 'got "__proto__"'],
  ["an own __proto__", JSON.parse('{ "type": "fsq", "__proto__": 1 }'), 'option "__proto__"'],
  ["an unknown option", { ...leaf, size: 4 }, 'option "size"'],
  ["nested quantizers", nested(20), "configurations: expected at most 16 within one another"],
  [
    "ten thousand of them",
    nested(10_000),
    "configurations: expected at most 16 within one another",
  ],
  ["nested lists", { ...leaf, codebookSize: lists(10_000) }, "configurations: expected at most 16"],
  ["no layers", { type: "residualQuantizer" }, "layers: expected a list of quantizers"],
  [
    "empty layers",
    { type: "residualQuantizer", layers: [null] },
    "layers[0]: expected a quantizer",
  ],
  ["no quantizer", { type: "groupedQuantizer", groups: 2 }, "quantizer: expected a quantizer"],
])("a quantizer's configuration: %s", (_, config, message) => {
  expect(refusal(() => quantizerFromConfig(config as never))).toContain(message);
});

it("takes quantizers within quantizers", () => {
  const config = { type: "groupedQuantizer", groups: 2, quantizer: nested(3) };
  expect(quantizerFromConfig(config).config).toEqual(config);
});

it("takes objects from a list alone", () => {
  expect(refusal(() => quantizerFromConfig(leaf, {} as never))).toContain(
    "objects: expected a list",
  );
  expect(quantizerFromConfig(leaf, [null as never]).config).toEqual(leaf);
});

const model = (...parts: unknown[]) => ({ type: "sequential", parts });

it.each([
  ["null", null, 'model: expected { type: "sequential", parts: [...] }, got undefined'],
  ["no parts", model(), "model: parts: expected a list of configurations, got []"],
  [
    "parts that are null",
    model(null),
    "model: parts[0]: configuration: expected an object with a type",
  ],
  ["lists as parts", model([leaf]), "an object with a type, got [Object]"],
  ["toString", model({ type: "toString" }), 'got "toString"'],
  ["no quantizer", model({ type: "relu" }), "expected exactly one quantizer, got 0"],
  [
    "a layer without fields",
    model({ type: "linear" }, leaf),
    "linear: inFeatures: expected an integer",
  ],
  ["null for a field", model({ type: "maxPool", window: null }, leaf), "maxPool: window: expected"],
  ["an option for a layer that has none", model({ type: "relu", slope: 1 }, leaf), "expected none"],
  [
    "residual without layers",
    model({ type: "residual" }, leaf),
    "residual: layers: expected a list",
  ],
  [
    "residual of null",
    model({ type: "residual", layers: [null] }, leaf),
    "layers[0]: configuration",
  ],
  ["an option of residual", model({ type: "residual", layers: [], of: 1 }, leaf), 'option "of"'],
  [
    "nested layers",
    model(blocks(10_000), leaf),
    "layer: configurations: expected at most 16 within",
  ],
  ["too many parts", model(...Array(2000).fill({ type: "relu" })), "length: expected at most 1024"],
  [
    "a weight past all memory",
    model({ type: "linear", inFeatures: 1e6, outFeatures: 1e6 }, leaf),
    "linear: weight: expected at most 1073741824 numbers",
  ],
  [
    "a kernel past all memory",
    model({ type: "conv2d", inChannels: 1, outChannels: 1, kernelSize: 1e9 + 1 }, leaf),
    "conv2d: kernelSize: expected at most 1024",
  ],
  [
    "a block of a billion",
    model({ type: "spaceToDepth", block: 1e9 }, leaf),
    "block: expected at most",
  ],
])("a model's configuration: %s", (_, config, message) => {
  expect(refusal(() => modelFromConfig(config as never))).toContain(message);
});

it.each([
  ["null", null, "layer: configuration: expected an object with a type, got null"],
  ["constructor", { type: "constructor" }, "layer type: expected one of avgPool, "],
])("a layer's configuration: %s", (_, config, message) => {
  expect(refusal(() => layerFromConfig(config as never))).toContain(message);
});
