import { Command, InvalidArgumentError } from "commander";
import type { PictureOptions } from "../input/pictureSet.ts";
import type { Format, RatePoint } from "../measure/against.ts";
import type { PictureEvaluation } from "../measure/pictureEvaluation.ts";
import { type Console, createConsole } from "../output/console.ts";
import { grouped, small } from "../output/words.ts";
import { type MachineOptions, withMachineOptions, withPictureOptions } from "./options.ts";

type Options = MachineOptions &
  PictureOptions & { readonly out?: string; readonly against: readonly Format[] };

/** Formats that a model can be compared with. */
const formats: readonly string[] = ["jpeg", "webp", "avif"];

/** `vq eval <model> <data>` */
export function evalCommand(): Command {
  const command = new Command("eval")
    .description(
      "measure a model: PSNR, SSIM, MS-SSIM, bytes of the codes on disk, perplexity, used codes, losses",
    )
    .argument("<model>", "model.safetensors, or the folder of a run")
    .argument("<data>", "images, as for train; files at their full size")
    .option("--out <dir>", "write the reconstructions into a folder, named as decode names them")
    .option(
      "--against <formats>",
      "compare with jpeg, webp and avif at several qualities, such as jpeg,webp",
      formatList,
      [],
    )
    .action(async (modelPath: string, data: string, options: Options) => {
      const { startRuntime } = await import("../runtime.ts");
      await startRuntime(options);
      const { openModel } = await import("../codec/modelFile.ts");
      const { openPictures } = await import("../input/pictureSet.ts");
      const { formatMeter } = await import("../measure/against.ts");
      const { evaluatePictures } = await import("../measure/pictureEvaluation.ts");
      const { createCount } = await import("../output/count.ts");
      const { tellLeftOut } = await import("../output/leftOut.ts");
      const { pictureFolder } = await import("../output/pictureFolder.ts");
      const { cleanUpWhenInterrupted } = await import("../output/unfinished.ts");
      const console = createConsole(options.json);
      const model = await openModel(modelPath);
      const set = await openPictures(model, data, options);
      tellLeftOut(console, "no images by their names", set.others);
      cleanUpWhenInterrupted();
      const { out, against } = options;
      const others = formatMeter(against);
      const write = out === undefined ? undefined : pictureFolder(out);
      const count = createCount(console, set.count, "pictures");
      let evaluation: PictureEvaluation;
      try {
        const pictures = set.pictures((why) => tellLeftOut(console, "unreadable", [why]));
        evaluation = await evaluatePictures(
          model,
          pictures,
          async (original, made, file) => {
            await write?.(file, made);
            await others.add(original);
          },
          count.add,
        );
      } finally {
        count.stop();
      }
      show(evaluation, console);
      if (out !== undefined) console.say(`reconstructions  ${out}`);
      const points = others.points();
      if (points.length > 0) await showAgainst(evaluation, points, console);
      const { counts: _, losses, ...numbers } = evaluation;
      console.record("evaluation", { ...numbers, ...losses, ...(points.length > 0 && { points }) });
    });
  return withMachineOptions(withPictureOptions(command));
}

function formatList(text: string): string[] {
  const chosen = text.split(",").map((name) => name.trim().toLowerCase());
  const unknown = chosen.find((name) => !formats.includes(name));
  if (unknown !== undefined) {
    throw new InvalidArgumentError(`Expected some of ${formats.join(", ")}, got ${unknown}.`);
  }
  return [...new Set(chosen)];
}

function show(evaluation: PictureEvaluation, console: Console): void {
  const { psnr, ssim, msSsim, images, perplexity, usedCodes, counts, bytes, losses } = evaluation;
  console.say(`PSNR             ${psnr.toFixed(2)} dB, of ${grouped(images)} images`);
  if (ssim !== undefined) console.say(`SSIM             ${ssim.toFixed(4)}`);
  if (msSsim !== undefined) console.say(`MS-SSIM          ${msSsim.toFixed(4)}`);
  console.say(
    `bits per pixel   ${evaluation.bitsPerPixel.toFixed(3)}: ${grouped(bytes)} bytes as a .vq file`,
  );
  console.say(`  packed         ${evaluation.packedBitsPerPixel.toFixed(3)}`);
  console.say(`  entropy        ${evaluation.entropyBitsPerPixel.toFixed(3)}, code by code`);
  console.say(`perplexity       ${perplexity.toFixed(1)}`);
  console.say(`used codes       ${usedCodes} of ${counts.length}`);
  for (const [name, loss] of Object.entries(losses)) {
    console.say(`${`${name} loss`.padEnd(17)}${small(loss)}`);
  }
}

async function showAgainst(
  evaluation: PictureEvaluation,
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
    const words = at === undefined ? "no setting so small or large" : `${at.toFixed(2)} dB`;
    console.say(
      `${format.padEnd(17)}${words} at ${evaluation.bitsPerPixel.toFixed(3)} bits a pixel`,
    );
  }
}
