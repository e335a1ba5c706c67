import { checkInteger, expected } from "../../errors.ts";
import { checkFloats } from "../arguments.ts";
import type { KernelMetric } from "./packedCodebook.ts";

/** What a search knows beside its codes. */
export interface SearchSettings {
  readonly dim: number;
  readonly size: number;
  readonly metric: KernelMetric;
  /** Whether an invalid vector is an error. */
  readonly throws: boolean;
  /** From which size on numbers make a vector invalid. */
  readonly limit: number;
}

const MOST_CODES = 4096;

/** Throws unless `k` codes can be asked for. */
export function checkTopK(k: number, size: number): void {
  checkInteger("nearestTopK: k", k);
  const most = Math.min(MOST_CODES, size);
  if (k > most) throw expected("nearestTopK: k", `at most ${most}`, k);
}

/** Throws unless `codebook` has the length of the present one. */
export function checkCodebook(
  codebook: Float32Array,
  { dim, size }: Pick<SearchSettings, "dim" | "size">,
): void {
  checkFloats("setCodebook: codebook", codebook);
  if (codebook.length !== size * dim) {
    throw expected("setCodebook: codebook length", `${size * dim}`, codebook.length);
  }
}
