/** Vectors in memory. */
export interface Vectors {
  readonly rows: number;
  readonly dim: number;
  readonly values: Float32Array<ArrayBuffer>; // [rows, dim]
}
