import { open } from "node:fs/promises";
import { extname } from "node:path";
import { Command } from "commander";
import type { Inspection } from "../codec/inspect.ts";
import type { CodesInspection } from "../codec/inspectCodes.ts";
import { Failure } from "../failure.ts";
import type { Medium } from "../input/folders.ts";
import { type Console, createConsole } from "../output/console.ts";
import { described, grouped, small } from "../output/words.ts";
import { type MachineOptions, withMachineOptions } from "./options.ts";

/** `vq inspect <model>`, `vq inspect codes.vq` */
export function inspectCommand(): Command {
  const command = new Command("inspect")
    .description(
      "show a model's configuration, shapes, parameter count and codebook; " +
        "or the pictures of a .vq file, their sizes and bits",
    )
    .argument("<file>", "model.safetensors, the folder of a run, or a .vq file")
    .action(async (modelPath: string, options: MachineOptions) => {
      const console = createConsole(options.json);
      if (extname(modelPath).toLowerCase() === ".vqi") {
        throw new Failure(
          `${modelPath}: expected a model or a .vq file, got an index of vectors, which vq search takes`,
        );
      }
      if (await isVqFile(modelPath)) {
        await inspectVq(modelPath, console);
        return;
      }
      const { startRuntime } = await import("../runtime.ts");
      await startRuntime(options);
      const { openSaved } = await import("../codec/modelFile.ts");
      const { inspectModel } = await import("../codec/inspect.ts");
      const inspection = await inspectModel(await openSaved(modelPath));
      console.record("model", { ...inspection });
      show(inspection, console);
    });
  return withMachineOptions(command);
}

/** Whether a file begins as `.vq` files do, or is to be one by its name. */
async function isVqFile(path: string): Promise<boolean> {
  if (extname(path).toLowerCase() === ".vq") return true;
  const file = await open(path, "r").catch(() => undefined);
  if (file === undefined) return false;
  try {
    const { buffer } = await file
      .read(Buffer.alloc(3), 0, 3, 0)
      .catch(() => ({ buffer: Buffer.alloc(0) }));
    return buffer.equals(Buffer.from("\x89VQ", "latin1"));
  } finally {
    await file.close();
  }
}

async function inspectVq(path: string, console: Console): Promise<void> {
  const { openVqFile } = await import("../input/codeFiles.ts");
  const { inspectCodes, isOfSounds } = await import("../codec/inspectCodes.ts");
  const { file, close } = await openVqFile(path);
  try {
    const found = await inspectCodes(path, file, ({ name = "", shape, size }) => {
      const [rows, columns] = size ?? [];
      const words =
        rows === undefined
          ? ""
          : isOfSounds(file)
            ? `${rows} at ${columns} Hz`
            : `${columns} x ${rows}`;
      console.say(`  ${words.padEnd(20)}${`[${shape.join(", ")}]`.padEnd(14)}${name}`);
      console.record("picture", { name, shape, size });
    });
    showCodes(found, isOfSounds(file) ? "sounds" : "pictures", console);
    console.record("codes", { ...found });
  } finally {
    await close();
  }
}

function showCodes(found: CodesInspection, medium: Medium, console: Console): void {
  const { file, bytes, pictures, groups, model, quantizer, codebookSizes, damage } = found;
  console.say("");
  console.say(`${file}  ${grouped(bytes)} bytes`);
  console.say(`${medium.padEnd(17)}${grouped(pictures)}, in ${grouped(groups)} chunks`);
  console.say(
    `quantizer        ${quantizer?.type ?? "not told"}, codes of ${codebookSizes.join(", ")}`,
  );
  console.say(`model            ${model ?? "not told"}`);
  if (found.prior !== undefined) console.say(`prior            ${found.prior}`);
  if (found.bitsPerPixel !== undefined) {
    console.say(`bits per pixel   ${found.bitsPerPixel.toFixed(3)}`);
  }
  if (found.bitsPerSecond !== undefined) {
    console.say(`bits per second  ${grouped(found.bitsPerSecond)}`);
  }
  console.say(
    `bits per code    ${found.bitsPerCode.toFixed(2)}, packed ${found.packedBitsPerCode.toFixed(2)}`,
  );
  for (const why of damage) console.say(`damaged          ${why}`);
}

function show(inspection: Inspection, console: Console): void {
  const { file, bytes, config, details, tensors, parameters, stateNumbers, codebook } = inspection;
  console.say(`${file}  ${grouped(bytes / 1024)} KiB`);
  console.say(`parameters ${grouped(parameters)}, quantizer state ${grouped(stateNumbers)}`);
  console.say("");
  console.say("layers");
  for (const { type, ...options } of config.parts) {
    console.say(`  ${type.padEnd(16)}${described(options)}`);
  }
  if (codebook) {
    const { codes, codeDim, norm, spacing } = codebook;
    console.say("");
    console.say("codebook");
    console.say(`  ${"codes".padEnd(16)}${codes} of ${codeDim} features`);
    console.say(
      `  ${"length".padEnd(16)}${small(norm.min)} to ${small(norm.max)}, mean ${small(norm.mean)}`,
    );
    console.say(
      `  ${"nearest other".padEnd(16)}at least ${small(spacing.min)}, mean ${small(spacing.mean)}`,
    );
    if (codebook.perplexity !== undefined) {
      console.say(
        `  ${"perplexity".padEnd(16)}${codebook.perplexity.toFixed(1)}, of the averages in training`,
      );
    }
  }
  console.say("");
  console.say("arrays");
  const width = Math.max(...tensors.map(({ name }) => name.length)) + 2;
  for (const { name, shape } of tensors) {
    console.say(`  ${name.padEnd(width)}[${shape.join(", ")}]`);
  }
  console.say("");
  console.say("imported" in details ? "import" : "training");
  for (const [name, value] of Object.entries(details)) {
    console.say(`  ${name.padEnd(16)}${described(value)}`);
  }
}
