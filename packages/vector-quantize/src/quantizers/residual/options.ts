import { count } from "../../options/kinds.ts";
import { QuantizeDropoutOptions } from "./dropout.ts";

/** Options that every residual quantizer has beside those of its layers. */
export class ResidualOptions extends QuantizeDropoutOptions {
  /** Number of layers, `Q`. */
  numQuantizers: number = count();
}
