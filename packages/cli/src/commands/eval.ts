import { Command, InvalidArgumentError, Option } from "commander";
import type { ModelFile } from "../codec/modelFile.ts";
import { UsageFailure } from "../failure.ts";
import type { Medium } from "../input/folders.ts";
import type { PictureOptions } from "../input/pictureSet.ts";
import type { Format, RatePoint } from "../measure/against.ts";
import type { FullEvaluation } from "../measure/pictureEvaluation.ts";
import type { SoundFormat } from "../measure/sound/otherCodecs.ts";
import { type Console, createConsole } from "../output/console.ts";
import {
  type MachineOptions,
  type RdoOption,
  withMachineOptions,
  withPictureOptions,
  withRdo,
} from "./options.ts";

type Options = MachineOptions &
  PictureOptions &
  RdoOption & {
    readonly out?: string;
    readonly against: readonly (Format | SoundFormat)[];
  };

/** Formats that a model can be compared with. */
const formats: Readonly<Record<Medium, readonly string[]>> = {
  pictures: ["jpeg", "webp", "avif"],
  sounds: ["opus", "codec2"],
};

/** `vq eval <model> <data>` */
export function evalCommand(): Command {
  const command = new Command("eval")
    .description(
      "measure a model: PSNR, SSIM, MS-SSIM, bytes of the codes on disk, perplexity, used codes, losses; " +
        "of sounds SI-SDR, mel and log-spectral distance, bits a second, all layer by layer",
    )
    .argument("<model>", "model.safetensors, or the folder of a run")
    .argument("<data>", "images or sounds, as for train; files at their full size")
    .option("--out <dir>", "write the reconstructions into a folder, named as decode names them")
    .addOption(
      new Option(
        "--against <formats>",
        "compare with jpeg, webp and avif at several qualities, such as jpeg,webp; sounds with opus and codec2",
      )
        .argParser(formatList)
        .default([], "none"),
    )
    .action(async (modelPath: string, data: string, options: Options) => {
      const { startRuntime } = await import("../runtime.ts");
      await startRuntime(options);
      const { ofImages, ofSounds, openSaved } = await import("../codec/modelFile.ts");
      const { codeChooser } = await import("../codec/rdo.ts");
      const { openPictures } = await import("../input/pictureSet.ts");
      const { formatMeter } = await import("../measure/against.ts");
      const { findingsOf } = await import("../measure/pictureFindings.ts");
      const { evaluateFully, summary } = await import("../measure/pictureEvaluation.ts");
      const { createCount } = await import("../output/count.ts");
      const { tellLeftOut } = await import("../output/leftOut.ts");
      const { pictureFolder } = await import("../output/pictureFolder.ts");
      const { cleanUpWhenInterrupted } = await import("../output/unfinished.ts");
      const console = createConsole(options.json);
      const saved = await openSaved(modelPath);
      const medium = ofSounds(saved) ? "sounds" : "pictures";
      const unfit = options.against.find((format) => !formats[medium].includes(format));
      if (unfit !== undefined) {
        throw new UsageFailure(
          `--against: expected some of ${formats[medium].join(", ")}, for ${medium}, got ${unfit}`,
        );
      }
      const sounds = ofSounds(saved);
      if (sounds) {
        const { evalSounds } = await import("./sound/evalSounds.ts");
        const against = options.against as SoundFormat[];
        await evalSounds(sounds, data, { ...options, against }, console);
        return;
      }
      const model = ofImages(saved);
      const set = await openPictures(model, data, options);
      tellLeftOut(console, "no images by their names", set.others);
      cleanUpWhenInterrupted();
      const { out, against } = options;
      const others = formatMeter(against as Format[], packedBits(model));
      const write = out === undefined ? undefined : pictureFolder(out);
      const count = createCount(console, set.count, "pictures");
      let evaluation: FullEvaluation;
      try {
        const pictures = set.pictures((why) => tellLeftOut(console, "unreadable", [why]));
        evaluation = await evaluateFully(
          model,
          pictures,
          async ({ picture: { file }, original, made }) => {
            await write?.(file, made);
            await others.add(original);
          },
          count.add,
          await codeChooser(model, options.rdo),
        );
      } finally {
        count.stop();
      }
      for (const line of findingsOf(evaluation)) console.say(line);
      if (out !== undefined) console.say(`reconstructions  ${out}`);
      const points = others.points();
      if (points.length > 0) await showAgainst(evaluation, points, console);
      console.record("evaluation", {
        ...summary(evaluation),
        ...(points.length > 0 && { points }),
      });
    });
  return withMachineOptions(withPictureOptions(withRdo(command)));
}

/** Bits a pixel of a model's codes, packed: a file takes fewer, so other formats need not take more. */
function packedBits({ model, patch }: ModelFile): number {
  const bits = model.quantizer.codebookSizes.reduce((sum, size) => sum + Math.log2(size), 0);
  return bits / patch ** 2;
}

function formatList(text: string): string[] {
  const chosen = text.split(",").map((name) => name.trim().toLowerCase());
  const known = Object.values(formats).flat();
  const unknown = chosen.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new InvalidArgumentError(`Expected some of ${known.join(", ")}, got ${unknown}.`);
  }
  return [...new Set(chosen)];
}

async function showAgainst(
  evaluation: FullEvaluation,
  points: readonly RatePoint[],
  console: Console,
): Promise<void> {
  const { psnrAt } = await import("../measure/against.ts");
  const row = (name: string, point: Omit<RatePoint, "format" | "quality">) => {
    const similar = (value?: number) => (value === undefined ? "" : value.toFixed(4)).padStart(9);
    const numbers = point.bitsPerPixel.toFixed(3).padStart(7) + point.psnr.toFixed(2).padStart(8);
    const line = `${name.padEnd(17)}${numbers}${similar(point.ssim)}${similar(point.msSsim)}`;
    console.say(line.trimEnd());
  };
  console.say("");
  console.say("                 bits/px    PSNR     SSIM  MS-SSIM");
  row("this model", evaluation);
  for (const point of points) row(`${point.format} ${point.quality}`, point);
  console.say("");
  for (const format of new Set(points.map((point) => point.format))) {
    const own = points.filter((point) => point.format === format);
    const at = psnrAt(own, evaluation.bitsPerPixel);
    const words =
      at === undefined ? "none of these settings is so small or so large" : `${at.toFixed(2)} dB`;
    console.say(
      `${format.padEnd(17)}${words} at ${evaluation.bitsPerPixel.toFixed(3)} bits a pixel`,
    );
  }
}
