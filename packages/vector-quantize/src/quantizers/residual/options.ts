import { checkInteger } from "../../errors.ts";
import { dropoutOptions, type QuantizeDropoutOptions } from "./dropout.ts";

/** Options that every residual quantizer has beside those of its layers. */
export interface ResidualOptions extends QuantizeDropoutOptions {
  /** Number of layers, `Q`. */
  numQuantizers: number;
}

/** The number of layers; throws unless it is one. */
export function numberOfLayers(where: string, { numQuantizers }: ResidualOptions): number {
  checkInteger(`${where}: numQuantizers`, numQuantizers);
  return numQuantizers;
}

/** The options that belong to the layers. */
export function layerOptionsOf<Options extends object>(given: Options & ResidualOptions): Options {
  const own: readonly string[] = ["numQuantizers", ...dropoutOptions];
  const rest = Object.entries(given).filter(([name]) => !own.includes(name));
  return Object.fromEntries(rest) as Options;
}
