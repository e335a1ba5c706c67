/** Checks of what the public functions of the kernels are given, before anything changes. */
import { checkKnownOptions, expected } from "../errors.ts";
import type { Pool } from "./engine/pool.ts";

/** Throws unless `options` are known ones, and their pool, if any, is in use. */
export function checkKernelOptions(
  where: string,
  options: unknown,
  known: readonly string[],
): void {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw expected(`${where}: options`, `an object of ${known.join(", ")}`, options);
  }
  checkKnownOptions(where, options, known);
  if ("pool" in options && options.pool !== undefined) checkPool(where, options.pool);
}

function checkPool(where: string, pool: unknown): void {
  const { run, exclusive, disposed } = (pool ?? {}) as Partial<Pool>;
  if (typeof run !== "function" || typeof exclusive !== "function") {
    throw expected(`${where}: pool`, "one from createPool", pool);
  }
  if (disposed) throw expected(`${where}: pool`, "one that is in use", "one that was disposed of");
}

/** Throws unless `values` is a Float32Array. */
export function checkFloats(where: string, values: unknown): asserts values is Float32Array {
  if (values instanceof Float32Array) return;
  throw expected(where, "a Float32Array", values, mendOf(values, "Float32Array"));
}

/** Throws unless `values` is an Int32Array. */
export function checkInts(where: string, values: unknown): asserts values is Int32Array {
  if (values instanceof Int32Array) return;
  throw expected(where, "an Int32Array", values, mendOf(values, "Int32Array"));
}

/** How other lists of numbers are converted; nothing for what is none. */
function mendOf(values: unknown, wanted: string): string | undefined {
  const isList = Array.isArray(values) || ArrayBuffer.isView(values);
  return isList ? `\`${wanted}.from(values)\` makes one of numbers` : undefined;
}

/** Throws unless `list` is an array with at least one item. */
export function checkList(where: string, list: unknown): asserts list is readonly unknown[] {
  if (!Array.isArray(list)) throw expected(where, "an array", list);
  if (list.length === 0) throw expected(where, "at least one", list);
}
