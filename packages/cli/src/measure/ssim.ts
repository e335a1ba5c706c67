/** Structural similarity of pictures, in a few rows of memory. */

/** One channel of a picture, row by row. */
interface Plane {
  readonly height: number;
  readonly width: number;
  readonly values: Float32Array;
}

export interface Pixels {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** From 0 to 255, channels last. */
  readonly pixels: Uint8Array;
}

export interface Similarity {
  /** Mean over windows and channels; absent for pictures smaller than a window, 11 x 11. */
  readonly ssim?: number;
  /** Over five scales; absent where a side is below 176. */
  readonly msSsim?: number;
}

const window = 11;
const sigma = 1.5;
/** `(0.01 * 255)^2` and `(0.03 * 255)^2`. */
const [c1, c2] = [6.5025, 58.5225];
/** Of the scales, the finest first. */
const weights = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];

const gaussian = (() => {
  const bell = Float64Array.from({ length: window }, (_, i) =>
    Math.exp(-((i - (window - 1) / 2) ** 2) / (2 * sigma ** 2)),
  );
  const sum = bell.reduce((a, b) => a + b);
  return bell.map((value) => value / sum);
})();

/**
 * SSIM and MS-SSIM of two pictures of one size: Gaussian windows of 11 x 11 (sigma 1.5) that lie within
 * the picture, K1 0.01, K2 0.03, means over channels; between the scales means of 2 x 2 pixels, an odd last
 * row or column left out; what is negative of a scale counts as 0.
 *
 * Source: Wang et al., "Image Quality Assessment: From Error Visibility to Structural Similarity", 2004;
 * Wang et al., "Multi-Scale Structural Similarity for Image Quality Assessment", 2003.
 */
export function similarity(a: Pixels, b: Pixels): Similarity {
  const least = Math.min(a.height, a.width);
  if (least < window) return {};
  const scales = least >= window * 2 ** (weights.length - 1) ? weights.length : 1;
  let [ssim, msSsim] = [0, 0];
  for (let channel = 0; channel < a.channels; channel++) {
    let [x, y] = [planeOf(a, channel), planeOf(b, channel)];
    let product = 1;
    for (let scale = 0; scale < scales; scale++) {
      if (scale > 0) [x, y] = [halved(x), halved(y)];
      const means = meansOf(x, y);
      if (scale === 0) ssim += means.ssim / a.channels;
      const term = scale === scales - 1 ? means.ssim : means.contrast;
      product *= Math.max(0, term) ** weights[scale]!;
    }
    msSsim += product / a.channels;
  }
  return scales === 1 ? { ssim } : { ssim, msSsim };
}

function planeOf({ height, width, channels, pixels }: Pixels, channel: number): Plane {
  const values = new Float32Array(height * width);
  for (let i = 0, from = channel; i < values.length; i++, from += channels) {
    values[i] = pixels[from]!;
  }
  return { height, width, values };
}

function halved({ height, width, values }: Plane): Plane {
  const half = { height: Math.floor(height / 2), width: Math.floor(width / 2) };
  const means = new Float32Array(half.height * half.width);
  for (let row = 0, to = 0; row < half.height; row++) {
    for (let column = 0; column < half.width; column++, to++) {
      const at = 2 * (row * width + column);
      means[to] =
        (values[at]! + values[at + 1]! + values[at + width]! + values[at + width + 1]!) / 4;
    }
  }
  return { ...half, values: means };
}

/** What windows are told by: means of x, y, x^2 + y^2 and xy. */
const moments = 4;

/** Means over all windows of SSIM, and of its part that tells of contrast and structure. */
function meansOf(x: Plane, y: Plane): { ssim: number; contrast: number } {
  const across = x.width - window + 1;
  const down = x.height - window + 1;
  const floats = (length: number) =>
    Array.from({ length: moments }, () => new Float64Array(length));
  const products = floats(x.width);
  /** Sums along the last `window` rows of each moment; a row's place is its number modulo `window`. */
  const rows = Array.from({ length: window }, () => floats(across));
  const [mx, my, squares, xy] = floats(across) as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const sums = [mx, my, squares, xy];
  let [ssim, contrast] = [0, 0];
  for (let row = 0; row < x.height; row++) {
    multiply(x, y, row, products);
    const own = rows[row % window]!;
    for (let m = 0; m < moments; m++) sumAlong(products[m]!, own[m]!);
    if (row < window - 1) continue;
    for (let m = 0; m < moments; m++) sumDown(rows, row + 1, m, sums[m]!);
    for (let j = 0; j < across; j++) {
      const product = mx[j]! * my[j]!;
      const means = mx[j]! * mx[j]! + my[j]! * my[j]!;
      const structure = (2 * (xy[j]! - product) + c2) / (squares[j]! - means + c2);
      contrast += structure;
      ssim += (structure * (2 * product + c1)) / (means + c1);
    }
  }
  const windows = across * down;
  return { ssim: ssim / windows, contrast: contrast / windows };
}

/** A row of both pictures, and of what their windows are told by. */
function multiply(
  x: Plane,
  y: Plane,
  row: number,
  [p, q, squares, xy]: readonly Float64Array[],
): void {
  const from = row * x.width;
  for (let j = 0; j < x.width; j++) {
    const a = x.values[from + j]!;
    const b = y.values[from + j]!;
    p![j] = a;
    q![j] = b;
    squares![j] = a * a + b * b;
    xy![j] = a * b;
  }
}

// The window is even on both sides: what lies as far from its middle is added first.
const [g0, g1, g2, g3, g4, g5] = gaussian as unknown as [
  number,
  number,
  number,
  number,
  number,
  number,
];

function sumAlong(row: Float64Array, sums: Float64Array): void {
  for (let j = 0; j < sums.length; j++) {
    sums[j] =
      g0 * (row[j]! + row[j + 10]!) +
      g1 * (row[j + 1]! + row[j + 9]!) +
      g2 * (row[j + 2]! + row[j + 8]!) +
      g3 * (row[j + 3]! + row[j + 7]!) +
      g4 * (row[j + 4]! + row[j + 6]!) +
      g5 * row[j + 5]!;
  }
}

/** The same down the rows of one moment, the first of which has number `first`. */
function sumDown(
  rows: readonly (readonly Float64Array[])[],
  first: number,
  moment: number,
  sums: Float64Array,
): void {
  const row = (i: number) => rows[(first + i) % window]![moment]!;
  const [a, b, c, d, e, f] = [row(0), row(1), row(2), row(3), row(4), row(5)];
  const [g, h, i, k, l] = [row(6), row(7), row(8), row(9), row(10)];
  for (let j = 0; j < sums.length; j++) {
    sums[j] =
      g0 * (a[j]! + l[j]!) +
      g1 * (b[j]! + k[j]!) +
      g2 * (c[j]! + i[j]!) +
      g3 * (d[j]! + h[j]!) +
      g4 * (e[j]! + g[j]!) +
      g5 * f[j]!;
  }
}
