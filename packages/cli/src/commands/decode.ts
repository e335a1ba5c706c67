import { Command } from "commander";
import { Failure } from "../failure.ts";
import type { CodeSourceOptions } from "../input/codeFiles.ts";
import { createConsole } from "../output/console.ts";
import { amount, small } from "../output/words.ts";
import { type MachineOptions, wholeNumber, withMachineOptions } from "./options.ts";

type Options = MachineOptions & CodeSourceOptions & { readonly out: string };

/** `vq decode <model> codes.vq --out <dir>` */
export function decodeCommand(): Command {
  const command = new Command("decode")
    .description(
      "turn codes back into pictures: PNG files under the names of the originals, " +
        "or 00000.png, 00001.png, ... where there are none; codes of sounds to WAV files",
    )
    .argument("<model>", "model.safetensors, or the folder of a run")
    .argument("<codes>", ".vq or .npy file that encode wrote")
    .requiredOption("--out <dir>", "folder for the images or sounds")
    .option("--only <name>", "decode this one of a .vq file alone")
    .option("--layers <n>", "decode the first layers of a residual quantizer", wholeNumber(1))
    .action(async (modelPath: string, codesPath: string, options: Options) => {
      const { startRuntime } = await import("../runtime.ts");
      await startRuntime(options);
      const { ofImages, ofSounds, openSaved } = await import("../codec/modelFile.ts");
      const { createPictureCodec } = await import("../codec/pictures.ts");
      const { openCodes } = await import("../input/codeFiles.ts");
      const { sameSizes } = await import("../input/pictureSet.ts");
      const { createCount } = await import("../output/count.ts");
      const { pictureFolder } = await import("../output/pictureFolder.ts");
      const { cleanUpWhenInterrupted } = await import("../output/unfinished.ts");
      const console = createConsole(options.json);
      const saved = await openSaved(modelPath);
      const sounds = ofSounds(saved);
      if (sounds) {
        const { decodeSounds } = await import("./sound/decodeSounds.ts");
        await decodeSounds(sounds, codesPath, options, console);
        return;
      }
      const model = ofImages(saved);
      const codec = createPictureCodec(model);
      const source = await openCodes(model, codesPath, options);
      const damage: string[] = [];
      const began = performance.now();
      let images = 0;
      const write = pictureFolder(options.out);
      const count = createCount(console, source.count, "pictures");
      try {
        cleanUpWhenInterrupted();
        const pictures = source.pictures((why) => {
          damage.push(why);
          console.note(why);
        });
        const runs = sameSizes(
          pictures,
          ({ shape, size }) => `${shape} ${size}`,
          ({ shape, size }) => {
            const [height = 1, width = 1] = size ?? shape.map((side) => side * model.patch);
            return codec.batchSize({ height, width });
          },
        );
        for await (const run of runs) {
          const decoded = await codec.decode(run);
          await Promise.all(decoded.map((picture, i) => write(run[i]!.file, picture)));
          images += run.length;
          count.add(run.length);
        }
      } finally {
        count.stop();
        await source[Symbol.asyncDispose]();
      }
      const seconds = (performance.now() - began) / 1000;
      console.say(
        `${options.out}: ${amount(images, "image")}, ${small(images / seconds)} images/s`,
      );
      console.record("decoded", { folder: options.out, images, seconds, damage });
      if (damage.length === 0) return;
      throw new Failure(
        `${codesPath}: expected a whole file, got a damaged one, of which ${images} of ${source.count} pictures are decoded. ${damage[0]}`,
      );
    });
  return withMachineOptions(command);
}
