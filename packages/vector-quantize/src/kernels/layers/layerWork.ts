import type { ActivationWork } from "./activation.ts";
import type { BatchNormWork } from "./batchNorm.ts";
import type { ConvolutionWork } from "./convolution.ts";
import type { DropoutWork } from "./dropout.ts";
import type { Shapes } from "./layerPlan.ts";
import type { NormalizeWork } from "./normalize.ts";
import type { RearrangeWork } from "./rearrange.ts";
import type { SeriesLengthWork } from "./seriesLength.ts";
import type { SnakeWork } from "./snake.ts";
import type { WindowsWork } from "./windows.ts";

/** What a layer computes for inputs of one shape, as plain data: what kernels are chosen by. */
export type LayerWork =
  | ActivationWork
  | BatchNormWork
  | ConvolutionWork
  | DropoutWork
  | NormalizeWork
  | RearrangeWork
  | WindowsWork
  | ResidualWork
  | SeriesLengthWork
  | SnakeWork;

/** `x + layers(x)`. Parameters: `layers`, a list. */
export interface ResidualWork extends Shapes {
  readonly kind: "residual";
  readonly layers: readonly LayerWork[];
}
