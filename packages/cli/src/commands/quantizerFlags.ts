import { readFileSync } from "node:fs";
import { type Command, InvalidArgumentError, Option } from "commander";
import {
  describeQuantizer,
  type OptionDescription,
  type QuantizerDescription,
  quantizerTypes,
} from "vector-quantize/options";
import { UsageFailure } from "../failure.ts";
import { flagOf } from "../output/words.ts";

/** An option of the quantizer on the command line: its flags, and what they give. */
export interface QuantizerFlags {
  readonly type: string;
  /** Options of the quantizer that were given, by the command's values. */
  given(command: Command): Record<string, unknown>;
}

/** Names that are shorter or older than the options', each for one of these that the quantizer has. */
const aliases = [
  { flag: "codes", options: ["codebookSize"], text: "Codebook size." },
  { flag: "code-dim", options: ["dim"], text: "Feature size of the codes." },
] as const;
/** Weights of commitment losses, which `--commitment` sets where it is given a number. */
const commitmentWeights = ["commitmentWeight", "commitmentLossWeight"];

/** Options that are no flags: what the architecture decides. */
const hidden = ["dim", "layout"];

/**
 * Adds the flags of a quantizer's options, made of their table.
 *
 * @param presets what options are here unless they are given, where the table says another or none
 */
export function addQuantizerFlags(
  command: Command,
  { type, options }: QuantizerDescription,
  args: readonly string[],
  presets: Readonly<Record<string, unknown>> = {},
): QuantizerFlags {
  const here = (name: string) => (name in presets ? ` Here ${JSON.stringify(presets[name])}.` : "");
  checkNames(options, args);
  const flagged = options.filter(({ name, own }) => !own && !hidden.includes(name));
  const group = `Options of ${type}:`;
  const add = (flags: string, text: string, parse?: (value: string) => unknown) => {
    const option = new Option(flags, text).helpGroup(group);
    command.addOption(parse ? option.argParser(parse) : option);
  };
  const weight = options.find(({ name }) => commitmentWeights.includes(name));
  for (const { flag, options: names, text } of aliases) {
    const meant = options.find(({ name }) => (names as readonly string[]).includes(name));
    if (meant) add(`--${flag} <n>`, text + here(meant.name), (value) => parsed(meant, value));
  }
  if (weight && !flagged.some(({ name }) => name === "commitment")) {
    add("--commitment <x>", "Weight of the commitment loss.", Number);
  }
  for (const option of flagged) {
    const { name, kind, text } = option;
    const flag = `--${flagOf(name)}`;
    if (kind === "boolean") {
      add(flag, shown(option, name in presets) + here(name));
      command.addOption(new Option(`--no-${flagOf(name)}`).hideHelp());
      continue;
    }
    add(
      `${flag} <${kind === "number" ? "n" : "value"}>`,
      shown(option, name in presets) + here(name),
      (value) => parsed(option, value),
    );
    if (kind === "object")
      for (const path of partsIn(args, flag)) {
        command.addOption(new Option(`${flag}.${path} <value>`, text).argParser(value).hideHelp());
      }
  }
  checkOthers(command, type, args);
  return { type, given: (command) => givenOptions(command, flagged, options, weight?.name, args) };
}

function givenOptions(
  command: Command,
  flagged: readonly OptionDescription[],
  options: readonly OptionDescription[],
  weight: string | undefined,
  args: readonly string[],
): Record<string, unknown> {
  const values = command.opts();
  const of = (flag: string) => values[camelCase(flag)];
  const found: Record<string, unknown> = {};
  for (const { flag, options: names } of aliases) {
    const name = options.find((option) => (names as readonly string[]).includes(option.name))?.name;
    if (name && of(flag) !== undefined) found[name] = of(flag);
  }
  for (const { name, kind } of flagged) {
    const flag = flagOf(name);
    const whole = of(flag);
    if (whole !== undefined) found[name] = whole;
    if (kind !== "object") continue;
    for (const path of partsIn(args, `--${flag}`)) {
      const part = { [camelCase(path)]: of(`${flag}.${path}`) };
      found[name] = { ...(typeof found[name] === "object" ? found[name] : {}), ...part };
    }
  }
  const { commitment = of("commitment"), ...rest } = found;
  if (commitment === undefined) return rest;
  return typeof commitment === "number" && weight
    ? { [weight]: commitment, ...rest }
    : { ...rest, commitment };
}

/** The parts of an object that the command line names: `share` of `--threshold-ema-dead-code.share`. */
function partsIn(args: readonly string[], flag: string): string[] {
  const parts = args
    .filter((arg) => arg.startsWith(`${flag}.`))
    .map((arg) => arg.slice(flag.length + 1).split("=")[0] as string);
  return [...new Set(parts)];
}

/** A value as its option's kind has it; what it is no value of, its table says. */
function parsed({ kind }: OptionDescription, text: string): unknown {
  if (kind === "string") return text;
  if (kind === "number")
    return text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
  return value(text);
}

/** JSON; a list without brackets; a number; true or false; else the word itself. */
function value(text: string): unknown {
  const trimmed = text.trim();
  if (/^[[{"]/.test(trimmed)) {
    try {
      return JSON.parse(trimmed);
    } catch (error) {
      throw new InvalidArgumentError(`Expected JSON: ${(error as Error).message}.`);
    }
  }
  if (trimmed.includes(",")) {
    return trimmed
      .split(",")
      .filter((part) => part.trim() !== "")
      .map(value);
  }
  if (trimmed === "true" || trimmed === "false") return trimmed === "true";
  return trimmed !== "" && Number.isFinite(Number(trimmed)) ? Number(trimmed) : trimmed;
}

/** One line of help. */
function shown(
  { name, kind, text, choices, required, fallback }: OptionDescription,
  preset: boolean,
): string {
  const isTold = choices === undefined || choices.every((word) => text.includes(word));
  return [
    text,
    ...(isTold ? [] : [`One of ${choices.join(", ")}.`]),
    ...(required && !preset ? ["Required."] : []),
    ...(kind === "boolean" && fallback !== false ? [`Off by --no-${flagOf(name)}.`] : []),
    ...(name === "commitment" ? ["A number is its weight."] : []),
  ].join(" ");
}

// As commander names the values of its options.
const camelCase = (flag: string) =>
  flag.split("-").reduce((name, word) => name + (word[0] as string).toUpperCase() + word.slice(1));

/** Throws for a flag that has the reference's name of an option that is called otherwise here. */
function checkNames(options: readonly OptionDescription[], args: readonly string[]): void {
  const ours = options.map(({ name }) => `--${flagOf(name)}`).filter((flag) => flag !== "--dim");
  for (const { name, own, reference } of options) {
    if (own || name === "layout") continue;
    const meant = name === "dim" ? "--code-dim" : `--${flagOf(name)}`;
    for (const theirs of [name, ...reference].map(
      (word) => `--${flagOf(word).replaceAll("_", "-")}`,
    )) {
      if (ours.includes(theirs) || !args.some((arg) => arg.split("=")[0] === theirs)) continue;
      throw new UsageFailure(`${theirs}: expected ${meant}, as it is called here`);
    }
  }
}

/** Throws for a flag that this quantizer has not and others have. */
function checkOthers(command: Command, type: string, args: readonly string[]): void {
  for (const arg of args) {
    const [flag = ""] = arg.split(/[=.]/);
    if (!/^--./.test(flag) || command.options.some(({ long }) => long === flag)) continue;
    const others = quantizerTypes.filter((other) =>
      describeQuantizer(other).options.some(
        ({ name, own }) =>
          !own &&
          !hidden.includes(name) &&
          [`--${flagOf(name)}`, `--no-${flagOf(name)}`].includes(flag),
      ),
    );
    if (others.length === 0) continue;
    throw new UsageFailure(
      `${flag}: expected an option of ${type}, got one of ${others.join(", ")}. Name the quantizer by --quantizer`,
    );
  }
}

/** The quantizer that a command line means, before it is read: by `--quantizer`, or by `--config`. */
export function typeIn(args: readonly string[]): string | undefined {
  const named = valueIn(args, "--quantizer");
  if (named !== undefined) return named;
  const file = valueIn(args, "--config");
  if (file === undefined) return undefined;
  try {
    const { type } = JSON.parse(readFileSync(file, "utf8")).quantizer;
    return typeof type === "string" ? type : undefined;
  } catch {
    return undefined; // the command says what is wrong with the file
  }
}

function valueIn(args: readonly string[], flag: string): string | undefined {
  const at = args.findLastIndex((arg) => arg === flag || arg.startsWith(`${flag}=`));
  if (at === -1) return undefined;
  const arg = args[at];
  return arg?.startsWith(`${flag}=`) ? arg.slice(flag.length + 1) : args[at + 1];
}
