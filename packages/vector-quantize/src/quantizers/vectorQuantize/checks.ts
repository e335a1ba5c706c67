import { checkInteger, checkNumber, expected } from "../../errors.ts";
import type { CompleteOptions } from "./options.ts";

/** Throws unless the call may give the `topk` nearest codes. */
export function checkTopk(where: string, topk: number, options: CompleteOptions): void {
  checkInteger(`${where}: topk`, topk);
  if (topk > options.codebookSize) {
    throw expected(`${where}: topk`, `at most codebookSize = ${options.codebookSize}`, topk);
  }
  if (options.commitment !== "squaredError") {
    throw expected(`${where}: commitment with topk`, '"squaredError"', options.commitment);
  }
}

/** Throws unless codes may be drawn, and gradients weighted, at that temperature. */
export function checkTemperature(
  where: string,
  temperature: unknown,
  { gradient }: CompleteOptions,
): void {
  checkNumber(`${where}: temperature`, temperature, 0);
  if (temperature === 0 && gradient === "gumbel") {
    throw expected(`${where}: temperature with gumbel gradients`, "a number above 0", temperature);
  }
}
