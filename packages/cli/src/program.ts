import { createRequire } from "node:module";
import { inspect } from "node:util";
import { Command, CommanderError } from "commander";
import { decodeCommand } from "./commands/decode.ts";
import { demoCommand } from "./commands/demo.ts";
import { encodeCommand } from "./commands/encode.ts";
import { evalCommand } from "./commands/eval.ts";
import { exportCommand } from "./commands/export.ts";
import { importCommand } from "./commands/import.ts";
import { indexCommand } from "./commands/indexVectors.ts";
import { inspectCommand } from "./commands/inspect.ts";
import { kmeansCommand } from "./commands/kmeans.ts";
import { priorCommand } from "./commands/prior.ts";
import { quantizersCommand } from "./commands/quantizers.ts";
import { searchCommand } from "./commands/searchVectors.ts";
import { trainCommand } from "./commands/train.ts";
import { describeFailure, Interrupted, interruptedCode, oneLine } from "./failure.ts";
import { checkPrinted, print, watchStreams } from "./output/print.ts";
import { afterFirst, checkShared } from "./processes.ts";

const { version } = createRequire(import.meta.url)("../package.json") as { version: string };

const commands = [
  demoCommand,
  trainCommand,
  encodeCommand,
  decodeCommand,
  evalCommand,
  priorCommand,
  inspectCommand,
  quantizersCommand,
  kmeansCommand,
  indexCommand,
  searchCommand,
  importCommand,
  exportCommand,
];

/** Runs `vq` with the arguments after its name. Returns the exit code. */
export async function run(args: readonly string[]): Promise<number> {
  watchStreams();
  const misread: string[] = [];
  try {
    await runCommand(args, (text) => misread.push(text));
    await checkPrinted();
    return 0;
  } catch (error) {
    if (error instanceof Interrupted) return interruptedCode;
    await afterFirst();
    if (error instanceof CommanderError) {
      for (const text of misread) print("stderr", `vq: ${oneLine(text).replace(/^error: /, "")}`);
      return 2;
    }
    const { line, code } = describeFailure(error);
    print("stderr", line);
    if (process.env.VQ_DEBUG) for (const part of inspect(error).split("\n")) print("stderr", part);
    return code;
  }
}

/** @param misread called with what is wrong with the command line. */
async function runCommand(args: readonly string[], misread: (text: string) => void): Promise<void> {
  const program = new Command("vq")
    .description("Train, run and inspect vector-quantized autoencoders for images and sounds.")
    .version(version)
    .addHelpText("after", "\nStart with: vq demo");
  for (const make of commands) program.addCommand(await make(args));
  program.hook("preAction", (_, command) => checkShared(command.name()));
  for (const command of [program, ...program.commands]) {
    // A wrong command line is one line on stderr, and throws instead of ending the process.
    command.exitOverride().configureOutput({ outputError: misread });
  }
  await program.parseAsync([...args], { from: "user" }).catch((error) => {
    if (!(error instanceof CommanderError && error.exitCode === 0)) throw error; // --help
  });
}
