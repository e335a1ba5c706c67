import type { ActivationWork } from "./activation.ts";
import type { ConvolutionWork } from "./convolution.ts";
import type { LayerNormWork } from "./layerNorm.ts";
import type { Shapes } from "./layerPlan.ts";
import type { RearrangeWork } from "./rearrange.ts";
import type { WindowsWork } from "./windows.ts";

/** What a layer computes for inputs of one shape, as plain data: what kernels are chosen by. */
export type LayerWork =
  | ActivationWork
  | ConvolutionWork
  | LayerNormWork
  | RearrangeWork
  | WindowsWork
  | ResidualWork;

/** `x + layers(x)`. Parameters: `layers`, a list. */
export interface ResidualWork extends Shapes {
  readonly kind: "residual";
  readonly layers: readonly LayerWork[];
}
