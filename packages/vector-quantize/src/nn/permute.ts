import { expected } from "../errors.ts";
import { declared } from "../options/kinds.ts";
import { optionTable } from "../options/table.ts";
import { type Layer, type NoParams, noParameters } from "./layer.ts";

/** Options of `permute`. */
export class PermuteOptions {
  /** The axis that each axis of the output was, each once; the first stays the batch. */
  readonly axes: readonly number[] = declared(checkAxes);
}

const table = optionTable<PermuteOptions>("permute", [PermuteOptions]);

/**
 * Puts the axes in another order: `permute({ axes: [0, 3, 1, 2] })` makes `[B, C, H, W]` of images, for
 * a quantizer that has its features there.
 *
 * @throws VectorQuantizeError for an axis that is missing, twice there, or not the input's
 */
export function permute(given: PermuteOptions): Layer<NoParams> {
  const { options, config } = table.read(given);
  const { axes } = options;
  return {
    config,
    init: noParameters,
    apply(_params, x) {
      if (x.ndim === axes.length) return x.transpose([...axes]);
      throw expected("permute: input", `${axes.length} axes`, x.shape);
    },
  };
}

const mostAxes = 8;

function checkAxes(where: string, axes: unknown): void {
  const what = "the axes from 0 on, each once, 0 first";
  if (!Array.isArray(axes) || axes.length < 2 || axes.length > mostAxes || axes[0] !== 0) {
    throw expected(where, what, axes);
  }
  if (axes.some((_, at) => !axes.includes(at))) throw expected(where, what, axes);
}
