import { Command, InvalidArgumentError, Option } from "commander";
import { UsageFailure } from "../failure.ts";
import { type Medium, mediumOf } from "../input/folders.ts";
import { createConsole } from "../output/console.ts";
import { flagOf } from "../output/words.ts";
import {
  allDeclarations,
  declarationsOf,
  defaultsOf,
  type SettingDeclaration,
  type Settings,
} from "../training/settings.ts";
import { type MachineOptions, realNumber, withMachineOptions } from "./options.ts";
import { addQuantizerFlags, type QuantizerFlags, typeIn } from "./quantizerFlags.ts";
import { recipes } from "./recipes.ts";
import { showResult } from "./showResult.ts";

type Options = MachineOptions & {
  readonly out: string;
  readonly config?: string;
  readonly quantizer?: string;
  readonly bitsPerPixel?: number;
  readonly time?: number;
  readonly resume: boolean;
  readonly overwrite: boolean;
  readonly profile: boolean;
};

/**
 * `vq train <data> --out <dir>`
 *
 * @param args the command line: it names the quantizer whose options are flags
 */
export async function trainCommand(args: readonly string[]): Promise<Command> {
  const command = new Command("train")
    .description(
      "train an autoencoder of pictures or of sounds, and write model, checkpoint and report into a folder",
    )
    .argument(
      "[data]",
      'folder of images or of sounds, IDX or IDX.gz file, .npy file, or the word "shapes"',
    )
    .requiredOption("--out <dir>", "folder for the run")
    .option("--config <file>", "take settings from the config.json of a run; flags beside it win")
    .option(
      "--quantizer <type>",
      'any that "vq quantizers" lists (default: vectorQuantize, of sounds residualVQ); its options are flags below',
    )
    .option(
      "--bits-per-pixel <x>",
      "the one dial of pictures: chooses patch, codebook and layers for this rate, such as 0.5",
      realNumber(0),
    )
    .option(
      "--bitrate <n>",
      "the one dial of sounds: chooses strides, codebooks and layers for so many bits a second, such as 4000",
      realNumber(0),
    )
    .option(
      "--time <seconds>",
      "choose the steps so that training takes about this long",
      realNumber(1),
    );
  for (const [, declaration] of allDeclarations) command.addOption(optionOf(declaration));
  command
    .option("--profile", "measure where the time of a step goes", false)
    .option(
      "--resume",
      "go on from the checkpoint in the folder, or write model and report that are missing",
      false,
    )
    .option("--overwrite", "replace a run in the folder, from the first moment on", false)
    .addHelpText("after", recipes);
  withMachineOptions(command);
  const flags = args[0] === "train" ? await quantizerFlags(command, args) : undefined;
  return command.action(async (data: string | undefined, options: Options) => {
    const { startRuntime } = await import("../runtime.ts");
    const machine = await startRuntime(options);
    const { train } = await import("../training/train.ts");
    const { ownConsole, processGroup } = await import("../processes.ts");
    const group = await processGroup();
    const console = ownConsole(createConsole(options.json), group);
    const { out, time, resume, overwrite, profile } = options;
    const { words, ...chosen } = await chosenSettings(data, command, flags as QuantizerFlags);
    if (words) console.note(words);
    const result = await train(
      {
        ...{ ...chosen, out, resume, overwrite, profile, machine, group },
        ...(time === undefined ? {} : { time }),
      },
      console,
    );
    if (result) showResult(result, console);
  });
}

async function quantizerFlags(command: Command, args: readonly string[]): Promise<QuantizerFlags> {
  const { describeQuantizer } = await import("vector-quantize/options");
  const { defaultType, presetsOf } = await import("../training/quantizer.ts");
  const description = describeQuantizer(typeIn(args) ?? defaultType);
  return addQuantizerFlags(command, description, args, presetsOf(description));
}

function optionOf({ flags, text, fallback, ofSounds, expects }: SettingDeclaration): Option {
  const words = ofSounds === undefined ? text : `${text} (of sounds ${ofSounds})`;
  const option = new Option(flags, words).default(fallback);
  if (Array.isArray(fallback)) option.default(fallback, fallback.join(","));
  if (typeof fallback === "boolean") return option;
  const number = (text: string) => (text.trim() === "" ? Number.NaN : Number(text));
  return option.argParser((given) => {
    const value = Array.isArray(fallback) ? given.split(",").map(number) : number(given);
    const expected = expects(value);
    if (expected !== undefined) throw new InvalidArgumentError(`Expected ${expected}.`);
    return value;
  });
}

/** Everything that makes the run: flags first, then the configuration file, then defaults. */
async function chosenSettings(
  data: string | undefined,
  command: Command,
  flags: QuantizerFlags,
): Promise<{ settings: Settings; given: ReadonlySet<string>; words?: string }> {
  const { readConfig } = await import("../training/configFile.ts");
  const { quantizerConfig } = await import("../training/quantizer.ts");
  const { chooseByRate } = await import("../training/rate.ts");
  const { config, quantizer: named, bitsPerPixel, bitrate, ...values } = command.opts();
  const file = config === undefined ? { quantizer: {}, settings: {} } : await readConfig(config);
  const own: Record<string, unknown> = Object.fromEntries(
    allDeclarations
      .map(([name]) => [name, values[name]] as const)
      .filter(([name]) => command.getOptionValueSource(name) === "cli"),
  );
  const source = data ?? file.data;
  if (source === undefined) throw new UsageFailure("missing required argument 'data'");
  const medium = await mediumOf(source);
  checkMedium(medium, { ...own, bitsPerPixel, bitrate }, (name) => `--${flagOf(name)}`);
  checkMedium(medium, file.settings, (name) => `${config}: ${name}`);
  const defaults = defaultsOf(medium);
  const rate =
    bitsPerPixel !== undefined
      ? chooseByRate(bitsPerPixel)
      : bitrate !== undefined
        ? await bitrateOf(bitrate, source, { ...defaults, ...file.settings, ...own } as Settings)
        : undefined;
  const flagged = flags.given(command);
  const { type: filed, ...filedOptions } = file.quantizer;
  if (rate) {
    const dial = bitrate === undefined ? "bits-per-pixel" : "bitrate";
    checkAlone(dial, { ...flagged, ...(named && { quantizer: named }), ...own });
  }
  const type = rate?.type ?? named ?? filed ?? (medium === "sounds" ? "residualVQ" : flags.type);
  const options = {
    ...(filed === type ? filedOptions : {}), // those of another quantizer say nothing
    ...(rate?.options ?? flagged),
  };
  const settings = { ...defaults, ...file.settings, ...rate?.settings, ...own };
  const learns = settings.codebookLearningRate > 0;
  return {
    settings: {
      ...{ data: source, medium, ...settings },
      quantizer: quantizerConfig(type, options, learns, medium),
    },
    given: new Set([
      ...Object.keys({ ...file.settings, ...rate?.settings, ...own, ...options }),
      ...((named ?? filed ?? rate) ? ["type"] : []),
    ]),
    ...(rate && { words: rate.words }),
  };
}

/** What `--bitrate` chooses, at the rate that the sounds have or are to have. */
async function bitrateOf(
  bitrate: number,
  source: string,
  { sampleRate, skipUnreadable }: Settings,
) {
  const { chooseByBitrate } = await import("../training/bitrate.ts");
  const { rateOfSounds } = await import("../input/sound/rateOfSounds.ts");
  const choice = chooseByBitrate(
    bitrate,
    sampleRate || (await rateOfSounds(source, skipUnreadable)),
  );
  return choice;
}

/** Throws for settings of pictures that are given for sounds, or the other way round. */
function checkMedium(
  medium: Medium,
  given: Readonly<Record<string, unknown>>,
  where: (name: string) => string,
): void {
  const names = new Set<string>(declarationsOf(medium).map(([name]) => name));
  names.add(medium === "sounds" ? "bitrate" : "bitsPerPixel");
  const other = Object.keys(given).find((name) => given[name] !== undefined && !names.has(name));
  if (other === undefined) return;
  throw new UsageFailure(`${where(other)}: expected none for ${medium}, got one`);
}

/** Throws if what a dial chooses is given beside it. */
function checkAlone(
  dial: "bits-per-pixel" | "bitrate",
  given: Readonly<Record<string, unknown>>,
): void {
  const settings: readonly string[] = allDeclarations.map(([name]) => name);
  const chosen = dial === "bitrate" ? "strides" : "patch";
  const beside = Object.keys(given).find((name) => name === chosen || !settings.includes(name));
  if (beside === undefined) return;
  throw new UsageFailure(
    `--${dial}: expected no --${chosen}, no --quantizer and none of its options beside it, got --${flagOf(beside)}`,
  );
}
