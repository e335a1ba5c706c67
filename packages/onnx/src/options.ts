import { expectedOf } from "./failures.ts";
import { mostFreeAxes } from "./trace/dimension.ts";

/** Options of `toOnnx` and `modelToOnnx`. */
export interface OnnxOptions {
  /**
   * Axes of the input of `encode` and `apply`: a number for a size that is fixed, a name for one that is
   * free, as in `["batch", "time", 64]`. Default: that of the layout, `["batch", dim]` for `channelLast`,
   * or for a model the fewest axes that it takes; all but the features are free.
   */
  readonly input?: readonly (number | string)[];
  /** Type of the indices, in and out. int64 is BigInt in JavaScript. Default `"int32"`. */
  readonly indices?: "int32" | "int64";
}

/** Throws unless `options` are such. */
export function checkOnnxOptions(where: string, options: unknown): asserts options is OnnxOptions {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw expectedOf(`${where}: options`, "an object", options);
  }
  for (const name of Object.keys(options)) {
    if (name === "input" || name === "indices") continue;
    throw expectedOf(`${where}: option ${JSON.stringify(name)}`, "one of input, indices", name);
  }
  const { input, indices } = options as OnnxOptions;
  if (input !== undefined) checkInput(`${where}: input`, input);
  if (indices === undefined || indices === "int32" || indices === "int64") return;
  throw expectedOf(`${where}: indices`, 'one of "int32", "int64"', indices);
}

function checkInput(where: string, input: unknown): void {
  const what = 'a list of sizes and names of free axes, such as ["batch", 64]';
  if (!Array.isArray(input) || input.length < 2) throw expectedOf(where, what, input);
  for (const axis of input) {
    const size = Number.isInteger(axis) && axis > 0;
    if (!size && !(typeof axis === "string" && /^[A-Za-z_]\w*$/.test(axis))) {
      throw expectedOf(where, what, axis);
    }
  }
  const names = input.filter((axis) => typeof axis === "string");
  if (new Set(names).size < names.length) throw expectedOf(where, "names that differ", input);
  if (names.length <= mostFreeAxes) return;
  throw expectedOf(where, `at most ${mostFreeAxes} free axes`, names.length);
}
