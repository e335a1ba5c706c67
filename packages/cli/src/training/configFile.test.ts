import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../../../../test/support/vq.ts";
import { configText, readConfig } from "./configFile.ts";
import { quantizerConfig } from "./quantizer.ts";
import { defaultSettings, resumedSettings } from "./settings.ts";

const folder = temporaryFolder();
afterAll(() => folder[Symbol.dispose]());
const file = join(folder.path, "config.json");

const read = (config: unknown) => {
  writeFileSync(file, typeof config === "string" ? config : JSON.stringify(config));
  return readConfig(file);
};

const quantizer = quantizerConfig("residualVQ", { numQuantizers: 2 }, false);
const settings = { data: "shapes", quantizer, ...defaultSettings };

test("what a run writes is what it had", async () => {
  const { data, quantizer: own, settings: rest } = await read(configText(settings));
  expect({ data, quantizer: own, ...rest }).toEqual(settings);
});

test("it may say less", async () => {
  expect(await read({ training: { steps: 7 } })).toEqual({ quantizer: {}, settings: { steps: 7 } });
});

test.each([
  ["{", "expected JSON, got"],
  [[1], "expected an object, got [1]"],
  [
    { trainin: {} },
    'expected one of data, quantizer, architecture, training, got "trainin". Did you mean training?',
  ],
  [{ training: { step: 3 } }, 'got "step". Did you mean steps?'],
  [{ training: { width: 3 } }, "training: expected one of steps"],
  [{ training: { steps: 0 } }, "training.steps: expected an integer of at least 1, got 0"],
  [{ training: { flip: 1 } }, "training.flip: expected true or false, got 1"],
  [{ architecture: 3 }, "architecture: expected an object, got 3"],
  [{ data: 3 }, "data: expected a text, got 3"],
  [{ quantizer: { levels: [3] } }, "quantizer: expected a type beside its options, got none"],
  [{ quantizer: { type: "fsq", level: [3] } }, 'got "level". Did you mean levels?'],
  [{ quantizer: { type: "fsk" } }, "quantizer type: expected one of"],
  [{ quantizer: { type: 7 } }, "quantizer type: expected one of"],
])("%j is refused", async (config, message) => {
  await expect(read(config)).rejects.toThrow(message);
});

describe("what a quantizer has unless it is told otherwise", () => {
  test("is what the trainer was tuned with", () => {
    expect(quantizer).toEqual({
      ...{ type: "residualVQ", dim: 8, codebookSize: 512, numQuantizers: 2 },
      ...{ decay: 0.9, commitmentWeight: 0.25, thresholdEmaDeadCode: { share: 0.1 } },
      gradient: "straightThrough",
    });
    expect(quantizerConfig("fsq", { levels: [5, 5] }, false)).toEqual({
      type: "fsq",
      levels: [5, 5],
    });
    expect(quantizerConfig("vectorQuantize", {}, true)).toMatchObject({ learnableCodebook: true });
    expect(
      quantizerConfig("vectorQuantize", { gradient: "directional" }, false),
    ).not.toHaveProperty("commitmentWeight");
  });
});

test("a run is not gone on with as another", () => {
  const resumed = (wanted: object, ...given: string[]) =>
    resumedSettings(settings, { ...settings, ...wanted }, new Set(given));
  expect(resumed({ steps: 9, batch: 9 }, "steps")).toEqual({ ...settings, steps: 9 });
  expect(() => resumed({ batch: 9 }, "batch")).toThrow("--resume: expected batch 32, as the run");
  const other = { quantizer: { ...quantizer, thresholdEmaDeadCode: { share: 0.2 } } };
  expect(() => resumed(other, "thresholdEmaDeadCode")).toThrow(
    'expected thresholdEmaDeadCode {"share":0.1}, as the run began with, got {"share":0.2}',
  );
  expect(() => resumed({ quantizer: { type: "simVQ" } }, "type")).toThrow(
    'expected quantizer "residualVQ", as the run began with, got "simVQ"',
  );
  expect(() => resumed({ quantizer: { ...quantizer, heads: 2 } }, "heads")).toThrow(
    "expected heads as by default, as the run began with, got 2",
  );
});
