/** A packed codebook: written by the host, read by the kernels. Layout as in `codebook.ts`. */
@unmanaged
export class Codebook {
  /** Features of a code, D. */
  dim: i32;
  /** Number of codes, K. */
  size: i32;
  /** Tile shape, see `tiles.ts`. */
  shape: i32;
  /** Panels that hold codes; storage goes on to the next multiple of four. */
  panels: i32;
  /** f32 [K, D]: the codes as given. */
  codes: usize;
  /** f32 [panels, D, P]: the codes less `mean` (euclidean), as given (dot), of length 1 (cosine). */
  packed: usize;
  /** f32 [panels, P]: half the squared length (euclidean) or 0; 3e38 past the last code. */
  bias: usize;
  /** f32 [D]: what rows and codes are shifted by; zeros unless euclidean. */
  mean: usize;
  /** f64 [K]: 1 / length of each code, or 0 for a zero code (cosine only). */
  scale: usize;
  /** See `METRIC_*`. */
  metric: i32;
  /** Relative error bound of a score: its error is at most unit * (c.c / 2 + |x| |c|). */
  unit: f64;
  /** At least |c| / (|x| + distance) for every code that can have the least score. */
  reach: f64;
  /** The largest length of a packed code. */
  maxNorm: f64;
  /** Absolute error bound of a score, from products that underflow. */
  tiny: f64;
  /** Bits of the least number that makes a row invalid as an infinity does; 0 for none. */
  limit: u32;
}

export const METRIC_EUCLIDEAN: i32 = 0;
export const METRIC_DOT: i32 = 1;
export const METRIC_COSINE: i32 = 2;
