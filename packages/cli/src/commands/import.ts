import { join } from "node:path";
import { Command, Option } from "commander";
import { Failure, UsageFailure } from "../failure.ts";
import { createConsole } from "../output/console.ts";
import { type MachineOptions, withMachineOptions } from "./options.ts";

interface Options extends MachineOptions {
  readonly class: string;
  readonly kwargs: string;
  readonly prefix?: string;
  readonly layout?: "channelLast" | "channelFirst" | "image" | "video";
  readonly out: string;
}

/** `vq import file.safetensors --class ResidualVQ --kwargs '{...}' --out run/` */
export function importCommand(): Command {
  const command = new Command("import")
    .description(
      "make a folder of a quantizer of vector-quantize-pytorch: vq inspect shows it, " +
        "and vq encode turns vectors of a .npy file into codes",
    )
    .argument(
      "<file>",
      "state_dict as a .safetensors file, of the quantizer or of a network with it",
    )
    .requiredOption("--class <name>", 'its class in Python, such as "ResidualVQ"')
    .requiredOption("--kwargs <json>", "its constructor options as JSON, under Python's names")
    .option("--prefix <name>", 'where it stands in the network, such as "1.layers.0"')
    .addOption(
      new Option("--layout <name>", "where the features stand (default: as --kwargs say)").choices([
        "channelLast",
        "channelFirst",
        "image",
        "video",
      ]),
    )
    .requiredOption("--out <folder>", "where to write model.safetensors")
    .action(async (file: string, options: Options) => {
      const kwargs = parseKwargs(options.kwargs);
      const { startRuntime } = await import("../runtime.ts");
      await startRuntime(options);
      const { saveModel, sequential } = await import("vector-quantize/nn");
      const { readSafetensors } = await import("vector-quantize/safetensors");
      const { fromTorch } = await import("vector-quantize/torch");
      const { modelName } = await import("../codec/modelFile.ts");
      const { createFolder, readInput, writeFileSafely } = await import("../output/files.ts");
      const { prefix, layout, out, class: className } = options;
      const { tensors } = named(file, readSafetensors, await readInput(file));
      const { quantizer, variables } = fromTorch(className, kwargs, tensors, {
        ...(prefix !== undefined && { prefix }),
        ...(layout && { layout }),
      });
      const { params, state } = variables;
      const bytes = await saveModel(
        sequential([quantizer]),
        { params: { encoder: [], quantizer: params, decoder: [] }, state },
        { imported: { from: file, class: className, kwargs, ...(prefix && { prefix }) } as never },
      );
      await createFolder(out);
      const path = join(out, modelName);
      await writeFileSafely(path, bytes);
      const console = createConsole(options.json);
      const { config, codebookSizes } = quantizer;
      console.say(`${path}: ${config.type}, codes of ${codebookSizes.join(", ")}`);
      console.record("imported", { file: path, config, codebookSizes });
    });
  return withMachineOptions(command);
}

function parseKwargs(text: string): Record<string, unknown> {
  const wrong = (got: string) =>
    new UsageFailure(
      `--kwargs: expected a JSON object such as {"dim": 64, "codebook_size": 512}, got ${got}. ` +
        "Python's True, False and None are true, false and null",
    );
  let kwargs: unknown;
  try {
    kwargs = JSON.parse(text);
  } catch {
    throw wrong(text);
  }
  if (typeof kwargs === "object" && kwargs !== null && !Array.isArray(kwargs))
    return kwargs as never;
  throw wrong(text);
}

/** What `read` makes of a file's bytes; its errors name the file. */
function named<T>(file: string, read: (bytes: Uint8Array) => T, bytes: Uint8Array): T {
  try {
    return read(bytes);
  } catch (error) {
    throw new Failure(`${file}: ${(error as Error).message}`);
  }
}
