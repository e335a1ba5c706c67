import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { inProcesses } from "../../../test/support/processes.ts";
import { temporaryFolder } from "../../../test/support/vq.ts";
import { createConsole } from "./output/console.ts";
import { ownConsole } from "./processes.ts";
import { quantizerConfig } from "./training/quantizer.ts";
import { defaultSettings } from "./training/settings.ts";
import { train } from "./training/train.ts";

const folder = temporaryFolder();
afterAll(() => folder[Symbol.dispose]());

test.each([
  ["a learning rate", { learningRate: 0.001 }, {}],
  ["a number of steps", { steps: 7 }, {}],
  ["a number of images", { images: 40 }, {}],
  ["a time", {}, { time: 9 }],
])(
  "%s of one process alone is an error of all, before anything is written",
  async (_, own, flags) => {
    const out = join(folder.path, "run");
    const given = { images: 32, size: 8, patch: 4, batch: 8, width: 4, depth: 0, steps: 5 };
    const quantizer = quantizerConfig("vectorQuantize", { codebookSize: 4 }, false, "pictures");
    const common = { data: "shapes", medium: "pictures", ...defaultSettings, ...given } as const;
    const errors = await inProcesses(3, (group) => {
      const other = group.rank === 2;
      return train(
        {
          settings: { ...common, quantizer, ...(other && own) },
          ...{ given: new Set<string>(), out, resume: false, overwrite: false, profile: false },
          ...{ machine: "this one", group, ...(other && flags) },
        },
        ownConsole(createConsole(true), group),
      ).catch(String);
    });
    const message =
      "Failure: settings, number of items and checkpoint: expected the same in all processes, got others in process 2 than in process 0";
    expect(errors).toEqual([message, message, message]);
    expect(existsSync(out)).toBe(false);
  },
);
