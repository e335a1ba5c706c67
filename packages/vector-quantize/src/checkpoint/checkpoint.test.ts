import { defaultDevice, init, type numpy as np, random, tree } from "@jax-js/jax";
import { beforeAll, describe, expect, test } from "vitest";
import { expectDisposed } from "../../../../test/leak.ts";
import { gelu } from "../nn/activations.ts";
import { linear } from "../nn/linear.ts";
import type { Model } from "../nn/model.ts";
import { sequential } from "../nn/sequential.ts";
import { vectorQuantize } from "../quantizers/vectorQuantize.ts";
import { adamw } from "../train/optimizers.ts";
import { warmupCosineSchedule } from "../train/schedules.ts";
import { createTrainer } from "../train/trainer.ts";
import type { TrainState } from "../train/trainState.ts";
import { loadModel, saveModel } from "./model.ts";
import { toHost } from "./safetensors.ts";
import { decodeSafetensors, encodeSafetensors } from "./safetensorsFormat.ts";
import { loadTraining, saveTraining } from "./training.ts";
import { flattenTree } from "./treeNames.ts";

beforeAll(async () => {
  await init("cpu", "wasm");
  defaultDevice("wasm");
});

function smallModel(codes = 8): Model {
  return sequential([
    linear({ inFeatures: 6, outFeatures: 4 }),
    gelu(),
    vectorQuantize({ dim: 4, codebookSize: codes, thresholdEmaDeadCode: 0.5 }),
    linear({ inFeatures: 4, outFeatures: 6 }),
  ]);
}

function batch(step: number): np.Array {
  return random.normal(random.key(100 + step), [16, 6]);
}

/** A file with its metadata or tensors changed. */
function altered(
  bytes: Uint8Array,
  change: (file: ReturnType<typeof decodeSafetensors>) => void,
): Uint8Array {
  const file = decodeSafetensors(bytes);
  change(file);
  return encodeSafetensors(file.tensors, file.metadata);
}

describe("a model", () => {
  test("comes back with configuration, details and every bit of its arrays", async () => {
    const model = smallModel();
    const variables = model.init(random.key(3));
    const before = await toHost(flattenTree(tree.ref(variables as never)));
    const bytes = await saveModel(model, variables, { images: { height: 32 } });
    const loaded = loadModel(bytes, { file: "model.safetensors" });
    expect(loaded.model.config).toEqual(model.config);
    expect(loaded.details).toEqual({ images: { height: 32 } });
    expect(await toHost(flattenTree(loaded.variables))).toEqual(before);
  });

  test("is a safetensors file with readable names", async () => {
    const model = smallModel();
    const { tensors, metadata } = decodeSafetensors(
      await saveModel(model, model.init(random.key(0))),
    );
    expect(Object.keys(tensors)).toContain("params.encoder.0.weight");
    expect(Object.keys(tensors)).toContain("state.codebook");
    expect(metadata).toMatchObject({ format: "vector-quantize", version: "1", kind: "model" });
  });
});

test("variables that are no model's are not saved as one", async () => {
  const model = smallModel();
  const state = createTrainer(model, { optimizer: adamw(1e-3) }).init(random.key(0));
  await expect(saveModel(model, state as never)).rejects.toThrow(
    "saveModel: variables: expected a model's, { params:",
  );
  expectDisposed(state);
});

test("details that are no object are refused, and nothing leaks", async () => {
  const model = smallModel();
  const variables = model.init(random.key(0));
  const leaf = variables.params.quantizer as { [name: string]: np.Array };
  const arrays = [...Object.values(leaf), ...Object.values(variables.state as typeof leaf)];
  await expect(saveModel(model, variables, null as never)).rejects.toThrow(
    "model checkpoint: details: expected an object, got null",
  );
  for (const array of arrays) expect(array.refCount).toBe(0);
});

describe("training", () => {
  const trainerOf = (model: Model) =>
    createTrainer(model, {
      optimizer: adamw(warmupCosineSchedule(1e-2, 2, 20)),
    });

  function run(model: Model, state: TrainState, from: number, to: number): TrainState {
    const trainer = trainerOf(model);
    for (let step = from; step < to; step++) {
      const result = trainer.step(state, batch(step));
      tree.dispose(result.metrics as never);
      state = result.state;
    }
    return state;
  }

  test("goes on bit for bit", async () => {
    const model = smallModel();
    const start = () => trainerOf(model).init(random.key(1));
    const straight = await toHost(flattenTree(run(model, start(), 0, 8)));

    const bytes = await saveTraining(model, run(model, start(), 0, 5), { seed: 9 });
    const loaded = loadTraining(bytes);
    expect(loaded.details).toEqual({ seed: 9 });
    const state = loaded.restore(trainerOf(loaded.model));
    expect(await state.step.ref.js()).toBe(5);
    const resumed = await toHost(flattenTree(run(loaded.model, state, 5, 8)));
    expect(resumed).toEqual(straight);
  });

  test("with another optimizer is an error that names the tensor", async () => {
    const model = smallModel();
    const bytes = await saveTraining(model, trainerOf(model).init(random.key(1)), {});
    const other = createTrainer(model, { optimizer: adamw(1e-3) });
    const same = loadTraining(bytes, { file: "t.safetensors" });
    expect(() => same.restore(other)).toThrow(/^t\.safetensors: tensor "optimizer\./);
  });
});

describe("a checkpoint that doesn't fit is refused, with file and reason", () => {
  const model = smallModel();
  const load = (bytes: Uint8Array) => loadModel(bytes, { file: "m.safetensors" });
  let bytes: Uint8Array;
  beforeAll(async () => {
    bytes = await saveModel(model, model.init(random.key(0)));
  });

  test("of another kind", async () => {
    const trainer = createTrainer(model, { optimizer: adamw(1e-3) });
    const training = await saveTraining(model, trainer.init(random.key(0)), {});
    expect(() => load(training)).toThrow(
      'm.safetensors: expected a checkpoint of kind "model", got "training"',
    );
    expect(() => loadTraining(bytes, { file: "t" })).toThrow('of kind "training", got "model"');
  });

  test.each([
    ["cut short", (all: Uint8Array) => all.subarray(0, 200), "The file is truncated"],
    ["empty", () => new Uint8Array(0), "expected a safetensors file of at least 8 bytes, got 0"],
    [
      "of another program",
      (all: Uint8Array) => altered(all, (file) => delete file.metadata.format),
      "expected a vector-quantize checkpoint, got a safetensors file of another program",
    ],
    [
      "of a later version",
      (all: Uint8Array) =>
        altered(all, (file) => {
          file.metadata.version = "2";
        }),
      'format version: expected "1", got "2"',
    ],
    [
      "without configuration",
      (all: Uint8Array) => altered(all, (file) => delete file.metadata.config),
      'metadata "config": expected JSON text, got undefined',
    ],
    [
      "with a configuration that no model has",
      (all: Uint8Array) =>
        altered(all, (file) => {
          file.metadata.config = '{"type":"tree"}';
        }),
      "m.safetensors: model: expected",
    ],
    [
      "with an unknown layer",
      (all: Uint8Array) =>
        altered(all, (file) => {
          file.metadata.config = '{"type":"sequential","parts":[{"type":"loop"}]}';
        }),
      'got "loop"',
    ],
    [
      "with null for its configuration",
      (all: Uint8Array) =>
        altered(all, (file) => {
          file.metadata.config = "null";
        }),
      "m.safetensors: model: expected",
    ],
    [
      "with null for a layer",
      (all: Uint8Array) =>
        altered(all, (file) => {
          file.metadata.config = '{"type":"sequential","parts":[null]}';
        }),
      "model: parts[0]: configuration: expected an object with a type, got null",
    ],
    [
      "with null for its details",
      (all: Uint8Array) =>
        altered(all, (file) => {
          file.metadata.details = "null";
        }),
      "details: expected an object, got null",
    ],
    [
      "whose configuration asks for 4 GiB, before these are made",
      (all: Uint8Array) =>
        altered(all, (file) => {
          file.metadata.config = String(file.metadata.config).replace(
            '"codebookSize":8',
            `"codebookSize":${2 ** 28}`,
          );
        }),
      'tensor "state.clusterSize": expected shape [268435456], got [8]',
    ],
    [
      "without one of its tensors",
      (all: Uint8Array) => altered(all, (file) => delete file.tensors["state.codebook"]),
      'tensor "state.codebook": expected one, got none',
    ],
    [
      "with one tensor more",
      (all: Uint8Array) =>
        altered(all, (file) => {
          file.tensors.extra = { dtype: "int32", shape: [1], data: Int32Array.of(1) };
        }),
      'tensor "extra": expected none of this name',
    ],
    [
      "with a tensor of another shape",
      (all: Uint8Array) =>
        altered(all, (file) => {
          file.tensors["params.decoder.0.bias"] = {
            dtype: "float32",
            shape: [7],
            data: new Float32Array(7),
          };
        }),
      'tensor "params.decoder.0.bias": expected shape [6], got [7]',
    ],
  ])("%s", (_, damage, message) => {
    expect(() => load(damage(bytes))).toThrow(message);
    expect(() => load(damage(bytes))).toThrow(/^m\.safetensors: /);
  });
});
