import { checkInteger, checkNumber, expected, VectorQuantizeError } from "../../errors.ts";
import type { Drawing } from "./applyMode.ts";
import type { CompleteOptions } from "./options.ts";

/** Throws unless a key was given where something draws at random. */
export function checkKey(where: string, key: unknown, drawing: Drawing | undefined): void {
  if (key === undefined && drawing !== undefined) {
    const option = drawnBy[drawing];
    throw new VectorQuantizeError(
      `${where}: expected options.key, got none; ${option} draws at random`,
    );
  }
}

const drawnBy: Record<Drawing, string> = {
  sample: "stochasticSampleCodes",
  replace: "thresholdEmaDeadCode",
  noise: 'gradient "directional"',
  subset: "orthogonalRegMaxCodes",
};

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
