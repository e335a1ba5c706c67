import {
  checkBoolean,
  checkInteger,
  checkKnownOptions,
  checkNumber,
  expected,
  VectorQuantizeError,
} from "../../errors.ts";
import { isArray, isRecord } from "../../tree.ts";
import { checkArray, checkIndexShape, checkKeyArray, checkTree } from "./arguments.ts";
import type { IndexShape } from "./calls.ts";

/** What an option is checked against. */
export interface OptionContext {
  /** Shape of the positions of the call's vectors, where it has some. */
  readonly positions?: readonly number[];
  readonly indices: IndexShape;
}

type Check = (where: string, value: unknown, context: OptionContext) => void;

const named =
  (check: (where: string, value: unknown) => void) =>
  (name: string): Check =>
  (where, value) =>
    check(`${where}: ${name}`, value);
const flag = named(checkBoolean);
const integer = named((where, value) => checkInteger(where, value));
const aFunction = named((where, value) => {
  if (typeof value !== "function") throw expected(where, "a function", value);
});
const rows =
  (name: string): Check =>
  (where, value, { positions, indices }) => {
    checkArray(where, name, value, "int32");
    checkIndexShape(where, name, value, indices, positions);
  };

/** How each option of some method is checked by itself, whatever the quantizer. */
const checks: Readonly<Record<string, Check>> = {
  training: flag("training"),
  moveState: flag("moveState"),
  freezeCodebook: flag("freezeCodebook"),
  emaUpdate: flag("emaUpdate"),
  accumEmaUpdate: flag("accumEmaUpdate"),
  sumBits: flag("sumBits"),
  iterations: integer("iterations"),
  beamSize: integer("beamSize"),
  warn: aFunction("warn"),
  codebookTransform: aFunction("codebookTransform"),
  key: (where, value) => checkKeyArray(where, "options.key", value),
  prepared: (where, value) => checkTree(where, "prepared", value),
  temperature: (where, value) => checkNumber(`${where}: temperature`, value, 0),
  topk: (where, value) => checkInteger(`${where}: topk`, value, value === 0 ? 0 : 1),
  indices: rows("indices"),
  targets: rows("targets"),
  emaUpdateWeight: (where, value) => checkArray(where, "emaUpdateWeight", value, "float32"),

  depth(where, value) {
    if (!isArray(value)) return checkInteger(`${where}: depth`, value);
    if (value.dtype !== "int32" && value.dtype !== "float32") {
      throw expected(`${where}: dtype of depth`, "int32", value.dtype);
    }
    if (value.ndim > 0) throw expected(`${where}: shape of depth`, "[]: one number", value.shape);
  },

  size(where, value) {
    if (!Array.isArray(value) || value.length !== 2) {
      throw expected(`${where}: size`, "[height, width]", value);
    }
    for (const each of value) checkInteger(`${where}: size`, each);
  },

  mask(where, value, { positions }) {
    checkArray(where, "mask", value, "bool");
    if (positions && String(value.shape) !== String(positions)) {
      throw expected(`${where}: shape of mask`, JSON.stringify(positions), value.shape);
    }
  },

  lengths(where, value, { positions }) {
    checkArray(where, "lengths", value, "int32");
    if (!positions) return;
    if (positions.length < 2) {
      throw expected(`${where}: lengths`, "an input with a position axis", positions);
    }
    if (value.ndim !== 1 || value.shape[0] !== positions[0]) {
      throw expected(`${where}: shape of lengths`, `[${positions[0]}]`, value.shape);
    }
  },
};

/**
 * The options of a call, without those that are undefined.
 *
 * @param known names of the options that the method takes
 * @throws VectorQuantizeError for any other, telling which was meant
 */
export function knownOptions(
  where: string,
  given: unknown,
  known: readonly string[],
): Record<string, unknown> {
  if (given === undefined) return {};
  if (!isRecord(given)) {
    const mend = given === null ? undefined : "Options are named: { mask }, for example";
    throw expected(`${where}: options`, "an object of options", given, mend);
  }
  const names = Object.keys(given);
  for (const name of names) refuseForeign(where, name, known);
  checkKnownOptions(where, given, known);
  if (names.every((name) => given[name] !== undefined)) return given;
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

/** Throws at an option of other quantizers or methods, which is no slip. */
function refuseForeign(where: string, name: string, known: readonly string[]): void {
  if (known.includes(name) || !Object.hasOwn(checks, name)) return;
  const [quantizer] = where.split(".");
  throw new VectorQuantizeError(
    `${where}: expected no ${name}, got some. It means nothing to ${quantizer} in this call`,
  );
}

/** Throws unless each of the `options` is what its name says. */
export function checkOptions(
  where: string,
  options: Readonly<Record<string, unknown>>,
  context: OptionContext,
): void {
  for (const name in options) checks[name]?.(where, options[name], context);
  if (options.mask && options.lengths) {
    throw new VectorQuantizeError(`${where}: expected mask or lengths, got both`);
  }
}
