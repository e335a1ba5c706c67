import { join } from "node:path";
import { Command, Option } from "commander";
import { createConsole } from "../output/console.ts";
import { type MachineOptions, withMachineOptions } from "./options.ts";

interface Options extends MachineOptions {
  readonly format: string;
  readonly out?: string;
}

/** What each format is called, and the module that writes it. */
const formats = {
  onnx: async () => (await import("../codec/exportOnnx.ts")).exportOnnx,
  torch: async () => (await import("../codec/exportTorch.ts")).exportTorch,
};

/** `vq export run/ --format torch`, `vq export run/ --format onnx` */
export function exportCommand(): Command {
  const command = new Command("export")
    .description(
      "write a model for other programs: as ONNX, or its quantizer for vector-quantize-pytorch",
    )
    .argument("<model>", "model.safetensors, or the folder of a run")
    .addOption(
      new Option("--format <name>", "what for").choices(Object.keys(formats)).makeOptionMandatory(),
    )
    .option(
      "--out <folder>",
      "where to write (default: a folder of the format's name beside the model)",
    )
    .action(async (modelPath: string, options: Options) => {
      const { startRuntime } = await import("../runtime.ts");
      await startRuntime(options);
      const { dirname } = await import("node:path");
      const { openSaved } = await import("../codec/modelFile.ts");
      const { createFolder, writeFileSafely } = await import("../output/files.ts");
      const saved = await openSaved(modelPath);
      const write = await formats[options.format as keyof typeof formats]();
      const { files, notes } = await write(saved);
      const folder = options.out ?? join(dirname(saved.path), options.format);
      await createFolder(folder);
      const console = createConsole(options.json);
      for (const [name, content] of Object.entries(files)) {
        await writeFileSafely(join(folder, name), content);
        console.say(join(folder, name));
      }
      for (const note of notes) console.say(note);
      const written = Object.keys(files).map((name) => join(folder, name));
      console.record("exported", { format: options.format, files: written, notes });
    });
  return withMachineOptions(command);
}
