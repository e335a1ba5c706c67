import { Command } from "commander";
import { createConsole } from "../output/console.ts";
import { grouped } from "../output/words.ts";
import { type MachineOptions, withMachineOptions } from "./options.ts";

type Options = MachineOptions & { readonly out: string };

/** `vq decode <model> codes.npy --out <dir>` */
export function decodeCommand(): Command {
  const command = new Command("decode")
    .description("turn codes back into images: 00000.png, 00001.png, ... in a folder")
    .argument("<model>", "model.safetensors, or the folder of a run")
    .argument("<codes>", ".npy file that encode wrote")
    .requiredOption("--out <dir>", "folder for the images")
    .action(async (modelPath: string, codesPath: string, options: Options) => {
      const { startRuntime } = await import("../runtime.ts");
      await startRuntime(options);
      const { openModel } = await import("../codec/modelFile.ts");
      const { readCodes } = await import("../input/codes.ts");
      const { decodeCodes } = await import("../codec/codec.ts");
      const { createFolder } = await import("../output/files.ts");
      const { writePictures } = await import("../output/pictures.ts");
      const console = createConsole(options.json);
      const model = await openModel(modelPath);
      const codes = await readCodes(codesPath, model);
      const began = performance.now();
      let count = 0;
      for await (const batch of decodeCodes(model, codes)) {
        if (count === 0) await createFolder(options.out);
        await writePictures(options.out, batch.floats, batch, batch.first);
        count += batch.count;
      }
      const seconds = (performance.now() - began) / 1000;
      console.say(`${options.out}: ${grouped(count)} images, ${grouped(count / seconds)} images/s`);
      console.record("decoded", { folder: options.out, images: count, seconds });
    });
  return withMachineOptions(command);
}
