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

/** Means over all windows of SSIM, and of its part that tells of contrast and structure. */
function meansOf(x: Plane, y: Plane): { ssim: number; contrast: number } {
  const across = x.width - window + 1;
  const down = x.height - window + 1;
  /** Sums along the last `window` rows of x, y, x^2, y^2 and xy, each row's `across` numbers. */
  const rows = Array.from({ length: window }, () =>
    Array.from({ length: 5 }, () => new Float64Array(across)),
  );
  const column = Array.from({ length: 5 }, () => new Float64Array(across));
  let [ssim, contrast] = [0, 0];
  for (let row = 0; row < x.height; row++) {
    sumAlong(x.values, y.values, row * x.width, rows[row % window]!);
    if (row < window - 1) continue;
    for (const [moment, sums] of column.entries()) {
      sums.fill(0);
      for (let i = 0; i < window; i++) {
        const part = rows[(row + 1 + i) % window]![moment]!;
        const weight = gaussian[i]!;
        for (let j = 0; j < across; j++) sums[j]! += weight * part[j]!;
      }
    }
    const [mx, my, xx, yy, xy] = column as [
      Float64Array,
      Float64Array,
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    for (let j = 0; j < across; j++) {
      const product = mx[j]! * my[j]!;
      const squares = mx[j]! ** 2 + my[j]! ** 2;
      const structure = (2 * (xy[j]! - product) + c2) / (xx[j]! + yy[j]! - squares + c2);
      contrast += structure;
      ssim += (structure * (2 * product + c1)) / (squares + c1);
    }
  }
  const windows = across * down;
  return { ssim: ssim / windows, contrast: contrast / windows };
}

function sumAlong(
  x: Float32Array,
  y: Float32Array,
  from: number,
  [mx, my, xx, yy, xy]: readonly Float64Array[],
): void {
  for (let j = 0; j < mx!.length; j++) {
    let [a, b, aa, bb, ab] = [0, 0, 0, 0, 0];
    for (let i = 0; i < window; i++) {
      const weight = gaussian[i]!;
      const p = x[from + j + i]!;
      const q = y[from + j + i]!;
      a += weight * p;
      b += weight * q;
      aa += weight * p * p;
      bb += weight * q * q;
      ab += weight * p * q;
    }
    mx![j] = a;
    my![j] = b;
    xx![j] = aa;
    yy![j] = bb;
    xy![j] = ab;
  }
}
