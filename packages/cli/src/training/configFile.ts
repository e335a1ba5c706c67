import { describeQuantizer, didYouMean } from "vector-quantize/options";
import { UsageFailure } from "../failure.ts";
import { readInput } from "../output/files.ts";
import { declarations, type SettingDeclaration, type Settings } from "./settings.ts";

/** What a configuration file says: any part of a run's settings. */
export interface GivenSettings {
  readonly data?: string;
  /** The quantizer's type and options, if the file names one. */
  readonly quantizer: { readonly type?: string; readonly [option: string]: unknown };
  /** Settings by their names. */
  readonly settings: Readonly<Record<string, unknown>>;
}

const sections = ["data", "quantizer", "architecture", "training"] as const;

/** Reads a configuration file. What it says twice, wrongly or in words that nobody knows is an error. */
export async function readConfig(path: string): Promise<GivenSettings> {
  const bytes = await readInput(path);
  let config: unknown;
  try {
    config = JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw new UsageFailure(`${path}: expected JSON, got ${(error as Error).message}`);
  }
  checkKeys(path, config, sections);
  const { data, quantizer = {}, ...rest } = config as Record<string, unknown>;
  if (data !== undefined && typeof data !== "string") {
    throw new UsageFailure(`${path}: data: expected a text, got ${JSON.stringify(data)}`);
  }
  checkQuantizer(`${path}: quantizer`, quantizer);
  const settings: Record<string, unknown> = {};
  for (const [section, known] of Object.entries(declarations)) {
    const own = rest[section] ?? {};
    const rules: Record<string, SettingDeclaration> = { ...known };
    checkKeys(`${path}: ${section}`, own, Object.keys(rules));
    for (const [name, value] of Object.entries(own)) {
      const expected = rules[name]?.expects(value);
      if (expected === undefined) continue;
      const got = JSON.stringify(value);
      throw new UsageFailure(`${path}: ${section}.${name}: expected ${expected}, got ${got}`);
    }
    Object.assign(settings, own);
  }
  return { ...(data !== undefined && { data }), quantizer, settings };
}

/** The configuration file that repeats a run. */
export function configText({ data, quantizer, ...rest }: Settings): string {
  const values: Record<string, unknown> = { ...rest };
  const written = Object.entries(declarations).map(([section, known]) => [
    section,
    Object.fromEntries(Object.keys(known).map((name) => [name, values[name]])),
  ]);
  return `${JSON.stringify({ data, quantizer, ...Object.fromEntries(written) }, undefined, 2)}\n`;
}

function checkQuantizer(
  where: string,
  value: unknown,
): asserts value is GivenSettings["quantizer"] {
  checkObject(where, value);
  const { type, ...options } = value as Record<string, unknown>;
  if (type === undefined && Object.keys(options).length > 0) {
    throw new UsageFailure(`${where}: expected a type beside its options, got none`);
  }
  if (type === undefined) return;
  const known = describeQuantizer(type as string).options.map(({ name }) => name);
  checkKeys(where, options, known);
}

/** Throws unless `value` is an object of these keys. */
function checkKeys(where: string, value: unknown, known: readonly string[]): void {
  checkObject(where, value);
  for (const key of Object.keys(value as object)) {
    if (known.includes(key)) continue;
    const mend = didYouMean(key, known);
    throw new UsageFailure(
      `${where}: expected one of ${known.join(", ")}, got ${JSON.stringify(key)}${mend ? `. ${mend}` : ""}`,
    );
  }
}

function checkObject(where: string, value: unknown): void {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return;
  throw new UsageFailure(`${where}: expected an object, got ${JSON.stringify(value)}`);
}
