import { expected } from "../errors.ts";
import type { Quantizer } from "./contract.ts";

/** Throws unless `value` is a quantizer, as a factory makes it. */
export function checkQuantizer(where: string, value: unknown): asserts value is Quantizer {
  const { config, codebookSizes, apply } = Object(value) as Partial<Quantizer>;
  if (!config || !Array.isArray(codebookSizes) || typeof apply !== "function") {
    throw expected(where, "a quantizer", value);
  }
}
