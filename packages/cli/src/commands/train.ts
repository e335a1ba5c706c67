import { Command } from "commander";
import { createConsole } from "../output/console.ts";
import type { Settings } from "../training/settings.ts";
import { type MachineOptions, realNumber, wholeNumber, withMachineOptions } from "./options.ts";
import { showResult } from "./showResult.ts";

type Options = MachineOptions &
  Omit<Settings, "data"> & {
    readonly out: string;
    readonly time?: number;
    readonly resume: boolean;
    readonly overwrite: boolean;
    readonly profile: boolean;
  };

/** Settings of a run unless the user chooses others. */
export const defaultSettings: Omit<Settings, "data"> = {
  size: 32,
  images: 8192,
  validation: 0.05,
  seed: 0,
  steps: 3000,
  batch: 32,
  learningRate: 4e-3,
  codes: 512,
  codeDim: 8,
  width: 32,
  depth: 1,
  patch: 2,
  decay: 0.9,
  commitment: 0.25,
  codebookLearningRate: 0,
  clip: 1,
  accumulate: 1,
  ema: 0,
  evalEvery: 0,
  patience: 0,
};

/** `vq train <data> --out <dir>` */
export function trainCommand(): Command {
  const defaults = defaultSettings;
  const command = new Command("train")
    .description("train an autoencoder and write model, checkpoint and report into a folder")
    .argument("<data>", 'folder of images, IDX or IDX.gz file, .npy file, or the word "shapes"')
    .requiredOption("--out <dir>", "folder for the run")
    .option("--steps <n>", "training steps", wholeNumber(1), defaults.steps)
    .option(
      "--time <seconds>",
      "choose the steps so that training takes about this long",
      realNumber(1),
    )
    .option("--batch <n>", "images per step", wholeNumber(1), defaults.batch)
    .option("--learning-rate <x>", "highest learning rate", realNumber(0), defaults.learningRate)
    .option("--codes <n>", "codebook size", wholeNumber(2), defaults.codes)
    .option("--code-dim <n>", "feature size of the codes", wholeNumber(1), defaults.codeDim)
    .option("--width <n>", "feature size of encoder and decoder", wholeNumber(1), defaults.width)
    .option(
      "--depth <n>",
      "residual blocks in encoder and in decoder",
      wholeNumber(0),
      defaults.depth,
    )
    .option("--patch <n>", "pixels per code, along each side", wholeNumber(1), defaults.patch)
    .option(
      "--decay <x>",
      "decay of the codebook's moving averages",
      realNumber(0, 1),
      defaults.decay,
    )
    .option("--commitment <x>", "weight of the commitment loss", realNumber(0), defaults.commitment)
    .option(
      "--size <n>",
      "crop and resize image files to n x n pixels",
      wholeNumber(4),
      defaults.size,
    )
    .option("--images <n>", 'images of the built-in set "shapes"', wholeNumber(1), defaults.images)
    .option(
      "--validation <x>",
      "share of the images held back",
      realNumber(0, 0.9),
      defaults.validation,
    )
    .option(
      "--codebook-learning-rate <x>",
      "train the codebook by gradients at this rate, in place of moving averages",
      realNumber(0),
      defaults.codebookLearningRate,
    )
    .option(
      "--clip <norm>",
      "largest norm of the gradients; 0 for any",
      realNumber(0),
      defaults.clip,
    )
    .option("--accumulate <n>", "batches to an update", wholeNumber(1), defaults.accumulate)
    .option(
      "--ema <decay>",
      "evaluate and save a moving average of the parameters, such as 0.999",
      realNumber(0, 1),
      defaults.ema,
    )
    .option(
      "--eval-every <n>",
      "evaluate every n steps, and keep the best model apart",
      wholeNumber(0),
      defaults.evalEvery,
    )
    .option(
      "--patience <n>",
      "stop after n evaluations without a better one; 0 never does",
      wholeNumber(0),
      defaults.patience,
    )
    .option("--profile", "measure where the time of a step goes", false)
    .option("--seed <n>", "seed of weights and data order", wholeNumber(0), defaults.seed)
    .option(
      "--resume",
      "go on from the checkpoint in the folder, or write model and report that are missing",
      false,
    )
    .option("--overwrite", "replace a run in the folder, from the first moment on", false)
    .action(async (data: string, options: Options, command: Command) => {
      const {
        out,
        time,
        resume,
        overwrite,
        profile,
        threads: _,
        device: _device,
        json,
        ...chosen
      } = options;
      const { startRuntime } = await import("../runtime.ts");
      const machine = await startRuntime(options);
      const { train } = await import("../training/train.ts");
      const console = createConsole(json);
      const result = await train(
        {
          settings: { data, ...chosen },
          given: new Set(
            Object.keys(chosen).filter((name) => command.getOptionValueSource(name) === "cli"),
          ),
          out,
          ...(time === undefined ? {} : { time }),
          resume,
          overwrite,
          profile,
          machine,
        },
        console,
      );
      showResult(result, console);
    });
  return withMachineOptions(command);
}
