import type { QuantizeDropoutOptions } from "../quantizers/residual/dropout.ts";
import { type Completed, flag, number } from "./kwargs.ts";

/** The constructor options by which residual classes drop layers. */
export const dropoutTable = {
  quantize_dropout: flag(false),
  quantize_dropout_cutoff_index: number(0),
  quantize_dropout_multiple_of: number(1),
};

type Kwargs = Completed<typeof dropoutTable>;

/** Ours, those that are not the default. */
export function dropoutOptionsOf(kwargs: Kwargs): QuantizeDropoutOptions {
  const {
    quantize_dropout: drops,
    quantize_dropout_cutoff_index: cutoffIndex,
    quantize_dropout_multiple_of: multipleOf,
  } = kwargs;
  return {
    ...(drops && { quantizeDropout: true }),
    ...(cutoffIndex !== 0 && { quantizeDropoutCutoffIndex: cutoffIndex }),
    ...(multipleOf !== 1 && { quantizeDropoutMultipleOf: multipleOf }),
  };
}

/** Theirs. */
export function dropoutKwargsOf(options: QuantizeDropoutOptions): Kwargs {
  return {
    quantize_dropout: options.quantizeDropout ?? false,
    quantize_dropout_cutoff_index: options.quantizeDropoutCutoffIndex ?? 0,
    quantize_dropout_multiple_of: options.quantizeDropoutMultipleOf ?? 1,
  };
}
