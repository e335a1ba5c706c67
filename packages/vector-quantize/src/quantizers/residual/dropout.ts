import { numpy as np, random } from "@jax-js/jax";
import { checkInteger, expected } from "../../errors.ts";

/** Training with fewer layers now and then, so that the first layers alone give a coarse output. */
export interface QuantizeDropout {
  /** The least number of layers that stay is `cutoffIndex + 1`. */
  readonly cutoffIndex: number;
  /** The number of layers that stay is a multiple of this. */
  readonly multipleOf: number;
}

/** Throws unless the dropout can be drawn for `layers` layers. */
export function checkDropout(where: string, dropout: QuantizeDropout, layers: number): void {
  checkInteger(`${where}: quantizeDropoutCutoffIndex`, dropout.cutoffIndex, 0);
  checkInteger(`${where}: quantizeDropoutMultipleOf`, dropout.multipleOf);
  if (dropout.cutoffIndex >= layers) {
    throw expected(
      `${where}: quantizeDropoutCutoffIndex`,
      `less than the number of layers, ${layers}`,
      dropout.cutoffIndex,
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
