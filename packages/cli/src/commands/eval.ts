import { Command } from "commander";
import type { ImageOptions } from "../input/modelImages.ts";
import { createConsole } from "../output/console.ts";
import { type MachineOptions, withImageOptions, withMachineOptions } from "./options.ts";
import { showEvaluation } from "./showResult.ts";

type Options = MachineOptions & ImageOptions & { readonly out?: string };

/** `vq eval <model> <data>` */
export function evalCommand(): Command {
  const command = new Command("eval")
    .description("measure a model: PSNR, perplexity, used codes, bits per pixel, commitment loss")
    .argument("<model>", "model.safetensors, or the folder of a run")
    .argument("<data>", "images, as for train")
    .option("--out <dir>", "write the reconstructions into a folder, named as decode names them")
    .action(async (modelPath: string, data: string, options: Options) => {
      const { startRuntime } = await import("../runtime.ts");
      await startRuntime(options);
      const { openModel } = await import("../codec/modelFile.ts");
      const { imagesFor } = await import("../input/modelImages.ts");
      const { evaluate, summary } = await import("../codec/evaluate.ts");
      const { createFolder } = await import("../output/files.ts");
      const { writePictures } = await import("../output/pictures.ts");
      const console = createConsole(options.json);
      const model = await openModel(modelPath);
      const images = await imagesFor(model, data, options);
      const { out } = options;
      const evaluation = await evaluate(model, images, async (floats, first) => {
        if (out === undefined) return;
        if (first === 0) await createFolder(out);
        await writePictures(out, floats, images, first);
      });
      showEvaluation(evaluation, console);
      if (out !== undefined) console.say(`reconstructions  ${out}`);
      console.record("evaluation", summary(evaluation));
    });
  return withMachineOptions(withImageOptions(command));
}
