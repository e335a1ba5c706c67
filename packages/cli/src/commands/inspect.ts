import { Command } from "commander";
import type { Inspection } from "../codec/inspect.ts";
import { type Console, createConsole } from "../output/console.ts";
import { grouped, small } from "../output/words.ts";
import { type MachineOptions, withMachineOptions } from "./options.ts";

/** `vq inspect <model>` */
export function inspectCommand(): Command {
  const command = new Command("inspect")
    .description("show a model's configuration, shapes, parameter count and codebook")
    .argument("<model>", "model.safetensors, or the folder of a run")
    .action(async (modelPath: string, options: MachineOptions) => {
      const { startRuntime } = await import("../runtime.ts");
      await startRuntime(options);
      const { openModel } = await import("../codec/modelFile.ts");
      const { inspectModel } = await import("../codec/inspect.ts");
      const console = createConsole(options.json);
      const inspection = await inspectModel(await openModel(modelPath));
      console.record("model", { ...inspection });
      show(inspection, console);
    });
  return withMachineOptions(command);
}

function show(inspection: Inspection, console: Console): void {
  const { file, bytes, config, details, tensors, parameters, stateNumbers, codebook } = inspection;
  console.say(`${file}  ${grouped(bytes / 1024)} KiB`);
  console.say(`parameters ${grouped(parameters)}, quantizer state ${grouped(stateNumbers)}`);
  console.say("");
  console.say("layers");
  for (const { type, ...options } of config.parts) {
    console.say(`  ${type.padEnd(16)}${describe(options)}`);
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
  console.say("training");
  for (const [name, value] of Object.entries(details)) {
    console.say(`  ${name.padEnd(16)}${describe(value)}`);
  }
}

/** A JSON value on one line, without the marks that only programs need. */
function describe(value: unknown): string {
  if (value === null || typeof value !== "object") {
    return typeof value === "number" && !Number.isInteger(value) ? small(value) : String(value);
  }
  if (Array.isArray(value)) return `[${value.map(describe).join(", ")}]`;
  return Object.entries(value)
    .map(([name, part]) => {
      const text = describe(part);
      return `${name} ${typeof part === "object" ? `{${text}}` : text}`;
    })
    .join(", ");
}
