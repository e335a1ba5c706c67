import { dirname } from "node:path";
import { Command } from "commander";
import type { ImageOptions } from "../input/modelImages.ts";
import { createConsole } from "../output/console.ts";
import { grouped } from "../output/words.ts";
import { type MachineOptions, withImageOptions, withMachineOptions } from "./options.ts";

type Options = MachineOptions & ImageOptions & { readonly out: string };

/** `vq encode <model> <data> --out codes.npy` */
export function encodeCommand(): Command {
  const command = new Command("encode")
    .description("turn images into codes: an int32 .npy file of shape [images, height, width]")
    .argument("<model>", "model.safetensors, or the folder of a run")
    .argument("<data>", "images, as for train")
    .requiredOption("--out <file>", "where to write the codes")
    .action(async (modelPath: string, data: string, options: Options) => {
      const { startRuntime } = await import("../runtime.ts");
      await startRuntime(options);
      const { openModel } = await import("../codec/modelFile.ts");
      const { imagesFor } = await import("../input/modelImages.ts");
      const { encodeImages } = await import("../codec/codec.ts");
      const { writeNpy } = await import("vector-quantize/data");
      const { removeLeftovers, writeFileSafely } = await import("../output/files.ts");
      const console = createConsole(options.json);
      const model = await openModel(modelPath);
      const images = await imagesFor(model, data, options);
      await removeLeftovers(dirname(options.out));
      const began = performance.now();
      const codes = await encodeImages(model, images);
      const seconds = (performance.now() - began) / 1000;
      await writeFileSafely(options.out, writeNpy(codes));
      console.say(
        `${options.out}: codes [${codes.shape.join(", ")}] of ${grouped(images.count)} images, ` +
          `${grouped(images.count / seconds)} images/s`,
      );
      console.record("encoded", { file: options.out, shape: codes.shape, seconds });
    });
  return withMachineOptions(withImageOptions(command));
}
