import { numpy as np, random } from "@jax-js/jax";
import { expected } from "../../errors.ts";
import { count, flag, integer } from "../../options/kinds.ts";

/** Options by which every residual quantizer trains with fewer layers now and then. */
export class QuantizeDropoutOptions {
  /** Trains with fewer layers now and then. Default false. */
  quantizeDropout?: boolean = flag(false);
  /** The least number of layers that stay is this plus 1. Default 0. */
  quantizeDropoutCutoffIndex?: number = integer(0, 0);
  /** The number of layers that stay is a multiple of this. Default 1. */
  quantizeDropoutMultipleOf?: number = count(1);
}

/** Training with fewer layers now and then, so that the first layers alone give a coarse output. */
export interface QuantizeDropout {
  /** The least number of layers that stay is `cutoffIndex + 1`. */
  readonly cutoffIndex: number;
  /** The number of layers that stay is a multiple of this. */
  readonly multipleOf: number;
}

/** The dropout that options ask for, if they do. */
export function dropoutOf(options: Required<QuantizeDropoutOptions>): {
  dropout?: QuantizeDropout;
} {
  if (!options.quantizeDropout) return {};
  const { quantizeDropoutCutoffIndex: cutoffIndex, quantizeDropoutMultipleOf: multipleOf } =
    options;
  return { dropout: { cutoffIndex, multipleOf } };
}

/** Throws unless some of `layers` layers stay. */
export function checkDropout(
  where: string,
  { quantizeDropoutCutoffIndex: cutoffIndex }: Required<QuantizeDropoutOptions>,
  layers: number,
): undefined {
  if (cutoffIndex < layers) return;
  const most = `less than the number of layers, ${layers}`;
  throw expected(`${where}: quantizeDropoutCutoffIndex`, most, cutoffIndex);
}

/**
 * How many layers stay in this step: `cutoffIndex + 1` to `layers`, each as likely, rounded up to a
 * multiple. The last layer is reached.
 *
 * @returns scalar
 *
 * Source: Zeghidour et al., "SoundStream", 2021, section III-C, https://arxiv.org/abs/2107.03312
 */
export function drawDepth(
  { cutoffIndex, multipleOf }: QuantizeDropout,
  layers: number,
  key: np.Array,
): np.Array {
  const drawn = np.floor(random.uniform(key, []).mul(layers - cutoffIndex)).add(cutoffIndex + 1);
  const whole = np.ceil(drawn.div(multipleOf)).mul(multipleOf);
  return np.minimum(whole, layers);
}
