import type { Cells } from "../../plane/cells.ts";
import type { Shape } from "../../plane/plane.ts";

export interface CommitmentSettings {
  readonly shape: Shape;
  readonly drawn: string;
  readonly seed: number;
  /** What share of the way along its forces a vector goes in a step. */
  readonly rate: number;
  readonly options: Readonly<Record<string, unknown>>;
}

export interface CommitmentSnapshot {
  /** What the decoder should give back: the vectors begin here. */
  readonly homes: Float32Array<ArrayBuffer>;
  /** Where the encoder has put the vectors. */
  readonly vectors: Float32Array<ArrayBuffer>;
  /** The code of each vector. */
  readonly codeOf: Int32Array<ArrayBuffer>;
  readonly codes: Float32Array<ArrayBuffer>;
  readonly uses: Uint32Array<ArrayBuffer>;
  /** Minus the gradients, of one step: from the reconstruction, and from the commitment loss. */
  readonly reconstruction: Float32Array<ArrayBuffer>;
  readonly commitment: Float32Array<ArrayBuffer>;
  readonly cells: Cells;
  /** New rows of the charts. */
  readonly rows: readonly CommitmentRow[];
}

export type CommitmentRow = readonly [
  step: number,
  /** mean ||q - x||^2 */
  reconstruction: number,
  /** mean ||z - q||^2 */
  commitment: number,
  /** root mean square of z */
  size: number,
];

/** Where a training with one weight ends. */
export interface SweepPoint {
  readonly weight: number;
  readonly reconstruction: number;
  readonly commitment: number;
}
