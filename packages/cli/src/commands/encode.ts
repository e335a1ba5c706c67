import { Command, InvalidArgumentError } from "commander";
import type { Share } from "../codec/encodeParts.ts";
import { UsageFailure } from "../failure.ts";
import type { PictureOptions } from "../input/pictureSet.ts";
import { createConsole } from "../output/console.ts";
import { amount } from "../output/words.ts";
import {
  type MachineOptions,
  type RdoOption,
  withMachineOptions,
  withPictureOptions,
  withRdo,
} from "./options.ts";

type Options = MachineOptions &
  PictureOptions &
  RdoOption & { readonly out: string; readonly prior: boolean; readonly part?: Share };

/** `vq encode <model> <data> --out codes.vq` */
export function encodeCommand(): Command {
  const command = new Command("encode")
    .description(
      "turn pictures into codes: a .vq file with their names and sizes, as small as the codes allow; " +
        "or, by the ending, an int32 .npy file of shape [images, height, width]. Sounds likewise, as .vq. " +
        "A quantizer alone, as vq import makes it, turns vectors of a .npy file into codes of another",
    )
    .argument("<model>", "model.safetensors, or the folder of a run")
    .argument(
      "<data>",
      "images or sounds, as for train, files at their full size; for a quantizer alone vectors.npy",
    )
    .requiredOption("--out <file>", "where to write the codes: .vq or .npy")
    .option(
      "--part <i/n>",
      "encode every n-th part of the files, the i-th of them: for n processes that know nothing of each " +
        "other. The last to end writes the file",
      shareOf,
    )
    .option(
      "--prior",
      "smaller files, most of all of a few small pictures or sounds: begin with what prior.vq in the folder of the run " +
        "tells, which decode then needs too",
      false,
    )
    .action(async (modelPath: string, data: string, options: Options) => {
      const { startRuntime } = await import("../runtime.ts");
      await startRuntime(options);
      const { ownConsole, onFirst, processGroup } = await import("../processes.ts");
      const { isAlone, openSaved } = await import("../codec/modelFile.ts");
      const group = await processGroup();
      const console = ownConsole(createConsole(options.json), group);
      if (group.size > 1 && options.part) {
        throw new UsageFailure(
          `--part: expected one process, got ${group.size} by mpirun, which share the parts by themselves`,
        );
      }
      const saved = await openSaved(modelPath);
      if (isAlone(saved)) {
        for (const flag of ["prior", "rdo", "part"] as const) {
          if (options[flag] === undefined || options[flag] === false) continue;
          throw new UsageFailure(`--${flag}: expected a model of images or sounds`);
        }
        const { encodeVectors } = await import("../codec/encodeVectors.ts");
        const done = await onFirst(group, () => encodeVectors(saved, data, options.out));
        if (!done) return;
        console.say(
          `${options.out}: codes [${done.shape.join(", ")}] of ${amount(done.vectors, "vector")}`,
        );
        console.record("encoded", { file: options.out, ...done });
        return;
      }
      const { encodeAll } = await import("./encodeAll.ts");
      await encodeAll(saved, data, options, { group, share: options.part }, console);
    });
  return withMachineOptions(withPictureOptions(withRdo(command)));
}

/** Parses `3/8`: the third of eight shares. */
function shareOf(text: string): Share {
  const [, index, count] = /^(\d+)\/(\d+)$/.exec(text)?.map(Number) ?? [];
  if (index && count && index <= count) return { index: index - 1, count };
  throw new InvalidArgumentError("Expected a number of so many, from 1, such as 3/8.");
}
