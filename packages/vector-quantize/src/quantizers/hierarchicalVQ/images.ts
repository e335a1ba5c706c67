import { numpy as np, random } from "@jax-js/jax";
import { uniformFanIn } from "../../layout/linear.ts";

/** A 3 x 3 convolution that keeps the size and the features. */
export type Smoothing = { weight: np.Array; bias: np.Array }; // [3, 3, D, D], [D]

/** Fresh weights, uniform in `±1/sqrt(9 D)` as PyTorch's `nn.Conv2d` starts. */
export function initSmoothing(key: np.Array, D: number): Smoothing {
  const [weightKey, biasKey] = [...random.split(key)] as [np.Array, np.Array];
  return {
    weight: uniformFanIn(weightKey, [3, 3, D, D], 9 * D),
    bias: uniformFanIn(biasKey, [D], 9 * D),
  };
}

/** `(1 - ratio) x + ratio conv(x)` over images `[B, H, W, D]`, zeros around them. */
export function smooth(x: np.Array, { weight, bias }: Smoothing, ratio: number): np.Array {
  if (ratio <= 1e-8) return x;
  const [B, H, W, D] = x.shape as [number, number, number, number];
  const padded = np.pad(x.ref, [
    [0, 0],
    [1, 1],
    [1, 1],
    [0, 0],
  ]); // [B, H + 2, W + 2, D]
  let sum = np.zeros([B * H * W, D]).add(bias);
  for (const dy of [0, 1, 2]) {
    for (const dx of [0, 1, 2]) {
      const part = padded.ref.slice([], [dy, dy + H], [dx, dx + W]); // [B, H, W, D]
      sum = sum.add(np.matmul(part.reshape([-1, D]), weight.ref.slice(dy, dx)));
    }
  }
  padded.dispose();
  weight.dispose();
  return x.mul(1 - ratio).add(sum.reshape([B, H, W, D]).mul(ratio));
}

/** Images `[B, h, w, D]` as `[B, s, s, D]`: each entry is the mean of its share of the image. */
export function poolTo(x: np.Array, size: number): np.Array {
  return resample(x, (length) => poolMatrix(length, size), [size, size]);
}

/** Images `[B, h, w, D]` in another size, by bilinear interpolation between the centres of pixels. */
export function upsampleTo(x: np.Array, [H, W]: readonly [number, number]): np.Array {
  const [, h, w] = x.shape;
  if (h === H && w === W) return x;
  return resample(x, (length, to) => bilinearMatrix(length, to), [H, W]);
}

/** Applies a matrix `[to, length]` to each of the two axes of images. */
function resample(
  x: np.Array,
  matrix: (length: number, to: number) => number[][],
  [H, W]: readonly [number, number],
): np.Array {
  const [, h, w] = x.shape as [number, number, number, number];
  // The axis goes last and the matrix to the right: jax-js 0.1.25 mixes up the axes of a product of
  // a matrix with a stack of matrices.
  const along = (values: np.Array, rows: number[][]) => {
    const flat = new Float32Array(rows.flat());
    const from = flat.length / rows.length;
    const to = np.array(flat, { shape: [rows.length, from] }).transpose(); // [from, to]
    const last = np.moveaxis(values, 1, -1);
    const shape = last.shape.slice(0, -1);
    return np.matmul(last.reshape([-1, from]), to).reshape([...shape, rows.length]);
  };
  const tall = along(x, matrix(h, H)); // [B, w, D, H]
  return np.moveaxis(along(tall, matrix(w, W)), 1, -1); // from [B, D, H, W]
}

function poolMatrix(length: number, size: number): number[][] {
  return Array.from({ length: size }, (_, to) => {
    const start = Math.floor((to * length) / size);
    const end = Math.ceil(((to + 1) * length) / size);
    const share = 1 / (end - start);
    return Array.from({ length }, (_, at) => (at >= start && at < end ? share : 0));
  });
}

function bilinearMatrix(length: number, size: number): number[][] {
  return Array.from({ length: size }, (_, to) => {
    const place = Math.max(0, ((to + 0.5) * length) / size - 0.5);
    const first = Math.min(Math.floor(place), length - 1);
    const second = Math.min(first + 1, length - 1);
    const row = Array.from({ length }, () => 0);
    row[first] = (row[first] as number) + 1 - (place - first);
    row[second] = (row[second] as number) + (place - first);
    return row;
  });
}
