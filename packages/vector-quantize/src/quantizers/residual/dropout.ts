import { numpy as np, random } from "@jax-js/jax";
import { checkBoolean, checkInteger, expected } from "../../errors.ts";

/** Options by which every residual quantizer trains with fewer layers now and then. */
export interface QuantizeDropoutOptions {
  /** Trains with fewer layers now and then. Default false. */
  quantizeDropout?: boolean;
  /** The least number of layers that stay is this plus 1. Default 0. */
  quantizeDropoutCutoffIndex?: number;
  /** The number of layers that stay is a multiple of this. Default 1. */
  quantizeDropoutMultipleOf?: number;
}

/** Training with fewer layers now and then, so that the first layers alone give a coarse output. */
export interface QuantizeDropout {
  /** The least number of layers that stay is `cutoffIndex + 1`. */
  readonly cutoffIndex: number;
  /** The number of layers that stay is a multiple of this. */
  readonly multipleOf: number;
}

/** The names of the options. */
export const dropoutOptions = [
  "quantizeDropout",
  "quantizeDropoutCutoffIndex",
  "quantizeDropoutMultipleOf",
] as const;

/** The dropout that options ask for, if they do. */
export function dropoutOf(options: QuantizeDropoutOptions): QuantizeDropout | undefined {
  if (!options.quantizeDropout) return undefined;
  return {
    cutoffIndex: options.quantizeDropoutCutoffIndex ?? 0,
    multipleOf: options.quantizeDropoutMultipleOf ?? 1,
  };
}

/** Throws unless the options can be used for `layers` layers. */
export function checkDropout(where: string, options: QuantizeDropoutOptions, layers: number): void {
  const {
    quantizeDropout: drops = false,
    quantizeDropoutCutoffIndex: cutoffIndex = 0,
    quantizeDropoutMultipleOf: multipleOf = 1,
  } = options;
  checkBoolean(`${where}: quantizeDropout`, drops);
  checkInteger(`${where}: quantizeDropoutCutoffIndex`, cutoffIndex, 0);
  checkInteger(`${where}: quantizeDropoutMultipleOf`, multipleOf);
  if (cutoffIndex >= layers) {
    throw expected(
      `${where}: quantizeDropoutCutoffIndex`,
      `less than the number of layers, ${layers}`,
      cutoffIndex,
    );
  }
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
