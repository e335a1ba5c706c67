import { Command } from "commander";
import type { PictureOptions } from "../input/pictureSet.ts";
import { createConsole } from "../output/console.ts";
import { grouped } from "../output/words.ts";
import { type MachineOptions, withMachineOptions, withPictureOptions } from "./options.ts";

/** `vq prior <model> <data>` */
export function priorCommand(): Command {
  const command = new Command("prior")
    .description(
      "write prior.vq beside a model, as train does at its end: codes of some pictures or sounds, from which " +
        "encode --prior tells those of others in fewer bytes. Files written with one need that one",
    )
    .argument("<model>", "model.safetensors, or the folder of a run")
    .argument(
      "<data>",
      "images or sounds like those that will be encoded, in an order that tells nothing",
    )
    .action(async (modelPath: string, data: string, options: MachineOptions & PictureOptions) => {
      const { startRuntime } = await import("../runtime.ts");
      await startRuntime(options);
      const { openSaved } = await import("../codec/modelFile.ts");
      const { learnPrior, priorPath } = await import("../codec/prior.ts");
      const { openCoding } = await import("./openCoding.ts");
      const { writeFileSafely } = await import("../output/files.ts");
      const { tellLeftOut } = await import("../output/leftOut.ts");
      const console = createConsole(options.json);
      const model = await openSaved(modelPath);
      using coding = await openCoding(model, data, options, console);
      const skipped = (why: string) => tellLeftOut(console, "unreadable", [why]);
      const { bytes, name } = await learnPrior(model, coding.coded(skipped));
      const file = priorPath(model);
      await writeFileSafely(file, bytes);
      console.say(`${file}: prior ${name}, ${grouped(bytes.length)} bytes`);
      console.record("prior", { file, name, bytes: bytes.length });
    });
  return withMachineOptions(withPictureOptions(command));
}
