import { join } from "node:path";
import { Command } from "commander";
import { createConsole } from "../output/console.ts";
import { grouped } from "../output/words.ts";
import { defaultSettings } from "../training/settings.ts";
import { type MachineOptions, realNumber, wholeNumber, withMachineOptions } from "./options.ts";
import { showResult } from "./showResult.ts";

type Options = MachineOptions & {
  readonly out: string;
  readonly time: number;
  readonly seed: number;
};

/** In a minute, many small steps get farther than few large ones. */
const batch = 16;
const learningRate = 5e-3;
/** Images that the demo encodes and decodes. */
const examples = 64;

/** `vq demo` */
export function demoCommand(): Command {
  const command = new Command("demo")
    .description("train on built-in images for a minute, then encode and decode some")
    .option("--out <dir>", "folder for the run", "runs/demo")
    .option("--time <seconds>", "training time", realNumber(1), 60)
    .option("--seed <n>", "seed of weights, images and data order", wholeNumber(0), 0)
    .action(async (options: Options) => {
      const { out, time, seed, json } = options;
      const { startRuntime } = await import("../runtime.ts");
      const machine = await startRuntime(options);
      const { train } = await import("../training/train.ts");
      const { openModel } = await import("../codec/modelFile.ts");
      const { createPictureCodec } = await import("../codec/pictures.ts");
      const { openPictures, sameSizes } = await import("../input/pictureSet.ts");
      const { openCodeSink } = await import("../output/codeSinks.ts");
      const { pictureFolder } = await import("../output/pictureFolder.ts");
      const console = createConsole(json);
      console.note(`Training on built-in images for about ${time} s, on ${machine}.`);
      const { defaultType, quantizerConfig } = await import("../training/quantizer.ts");
      const quantizer = quantizerConfig(defaultType, {}, false);
      const settings = { data: "shapes", quantizer, ...defaultSettings, batch, learningRate, seed };
      const { solo } = await import("vector-quantize/train");
      const result = await train(
        {
          ...{ settings, given: new Set(), out, time, machine, group: solo() },
          ...{ resume: false, overwrite: true, profile: false },
        },
        console,
      );
      if (!result) return;

      const model = await openModel(result.folder.model);
      const codec = createPictureCodec(model);
      const set = await openPictures(model, "shapes", {
        ...{ images: examples, seed, skipUnreadable: false },
      });
      const [codesFile, decoded] = [join(out, "codes.vq"), join(out, "decoded")];
      const sink = await openCodeSink(model, codesFile);
      const write = pictureFolder(decoded);
      const runs = sameSizes(
        set.pictures(() => undefined),
        () => "alike",
        codec.batchSize,
      );
      for await (const run of runs) {
        const coded = await codec.encode(run);
        for (const each of coded) await sink.add(each);
        const made = await codec.decode(coded);
        await Promise.all(made.map((picture, i) => write(run[i]!.file, picture)));
      }
      const { bytes } = await sink.finish();
      showResult(result, console);
      console.say(
        `codes            ${codesFile}, ${grouped(bytes)} bytes for ${examples} new images`,
      );
      console.say(`decoded          ${decoded}, ${grouped(examples)} images made from these codes`);
      for (const line of [
        "",
        `Open ${result.folder.report} in a browser. Then try your own images:`,
        "  npx vq train path/to/images --out runs/mine --time 300",
        "  npx vq encode runs/mine path/to/images --out codes.vq",
        "  npx vq decode runs/mine codes.vq --out decoded",
        "  npx vq eval runs/mine path/to/images",
      ]) {
        console.say(line);
      }
    });
  return withMachineOptions(command);
}
