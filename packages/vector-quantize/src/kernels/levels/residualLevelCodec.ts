import type { LevelCodec } from "./levelCodec.ts";

/**
 * Scalar quantization in layers as tables: the residual `r` starts as the vector, through `bound` if
 * there is one; layer q rounds `r / scales[q]` by the codec and takes `scales[q]` times the level's
 * value from `r`.
 */
export interface ResidualLevelCodec {
  /** How each layer rounds; at most 2^31 codes. */
  readonly codec: LevelCodec;
  /** Scale of each layer, `[Q][D]`. */
  readonly scales: readonly (readonly number[])[];
  /** `a` to `f` of what a value enters as, `(tanh(x a + b) c - d) e f`: `[6][D]`. Default: as it is. */
  readonly bound?: readonly (readonly number[])[];
}

/** Indices of all layers. */
export interface ResidualLevels {
  /** int32 `[N, Q]`; -1 where the vector is not finite. */
  indices: Int32Array<ArrayBuffer>;
  /** How many vectors are not finite. */
  invalidRows: number;
}
