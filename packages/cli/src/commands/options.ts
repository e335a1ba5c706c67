import { type Command, InvalidArgumentError, Option } from "commander";

/** Options that all commands share. */
export interface MachineOptions {
  readonly threads?: number;
  readonly device: "wasm" | "cpu" | "webgpu";
  readonly json: boolean;
}

/** Adds --threads, --device and --json. */
export function withMachineOptions(command: Command): Command {
  return command
    .option("--threads <n>", "threads to compute with (default: all cores)", wholeNumber(1))
    .addOption(
      new Option("--device <name>", "where to compute")
        .choices(["wasm", "cpu", "webgpu"])
        .default("wasm"),
    )
    .option("--json", "print JSON lines instead of text", false);
}

/** Whether codes are chosen for their bits too. */
export interface RdoOption {
  readonly rdo?: number;
}

/** Adds --rdo. */
export function withRdo(command: Command): Command {
  return command.option(
    "--rdo <lambda>",
    "smaller files that are a little less like the originals: codes that are further and take fewer bits. One bit is " +
      "worth lambda times the mean squared distance of a picture's, or sound's, vectors to their nearest codes; try 0.05",
    realNumber(0),
  );
}

/** Adds --size, --images, --seed and --skip-unreadable, for commands that run a trained model on images. */
export function withPictureOptions(command: Command): Command {
  return command
    .option(
      "--size <n>",
      "crop and resize image files to n x n pixels (default: files as they are)",
      wholeNumber(4),
    )
    .option("--images <n>", 'images of the built-in set "shapes"', wholeNumber(1), 1024)
    .option("--seed <n>", 'seed of the built-in set "shapes"', wholeNumber(0), 0)
    .option("--skip-unreadable", "leave out files that can't be read", false);
}

/** Parses an integer of at least `min`. */
export function wholeNumber(min: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !Number.isSafeInteger(value) || value < min) {
      throw new InvalidArgumentError(`Expected an integer of at least ${min}.`);
    }
    return value;
  };
}

/** Parses a finite number from `min` to `max`. */
export function realNumber(min: number, max = Number.POSITIVE_INFINITY): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !Number.isFinite(value) || value < min || value > max) {
      const range =
        max === Number.POSITIVE_INFINITY ? `of at least ${min}` : `from ${min} to ${max}`;
      throw new InvalidArgumentError(`Expected a number ${range}.`);
    }
    return value;
  };
}
