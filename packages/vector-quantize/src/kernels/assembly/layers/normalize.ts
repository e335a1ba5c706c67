/**
 * Normalisation of the numbers of a group: for each image, over its positions and the group's channels.
 * Layer normalisation is that of images of one position and one group.
 */
import { clearFloats } from "./arithmetic";

// @ts-ignore: decorator
@inline
function total(v: v128): f64 {
  return <f64>(
    (f32x4.extract_lane(v, 0) +
      f32x4.extract_lane(v, 1) +
      (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3)))
  );
}

/**
 * `y = (x - mean) / sqrt(variance + eps) * weight + bias` for images from `begin` to `end`; `moments`
 * [images][groups][2], unless 0, get the means and 1 / the deviations.
 */
export function normalize(
  begin: i32,
  end: i32,
  _scratch: usize,
  x: usize,
  y: usize,
  moments: usize,
  positions: i32,
  groups: i32,
  channels: i32,
  weight: usize,
  bias: usize,
  eps: f64,
): i32 {
  const pixel = <usize>channels << 2;
  const bytes = pixel / groups;
  const imageBytes = <usize>positions * pixel;
  const vectors = bytes & ~15;
  const count = <f64>positions * <f64>(channels / groups);
  for (let image = begin; image < end; ++image) {
    for (let g = 0; g < groups; ++g) {
      const first = <usize>image * imageBytes + <usize>g * bytes;
      const last = first + imageBytes;
      let sum: f64 = 0;
      for (let p = first; p < last; p += pixel) sum += sumOf(x + p, bytes, vectors);
      const mean = <f32>(sum / count);
      sum = 0;
      for (let p = first; p < last; p += pixel) sum += squaresOf(x + p, bytes, vectors, mean);
      const scale = <f32>(1 / sqrt<f64>(sum / count + eps));
      const w = weight + <usize>g * bytes;
      const b = bias + <usize>g * bytes;
      const means = f32x4.splat(mean);
      const scales = f32x4.splat(scale);
      for (let p = first; p < last; p += pixel) {
        for (let at: usize = 0; at < vectors; at += 16) {
          const h = f32x4.mul(f32x4.sub(v128.load(x + p + at), means), scales);
          const value = f32x4.add(f32x4.mul(h, v128.load(w + at)), v128.load(b + at));
          v128.store(y + p + at, value);
        }
        for (let at = vectors; at < bytes; at += 4) {
          const h = (load<f32>(x + p + at) - mean) * scale;
          store<f32>(y + p + at, h * load<f32>(w + at) + load<f32>(b + at));
        }
      }
      if (!moments) continue;
      const to = moments + (<usize>(image * groups + g) << 3);
      store<f32>(to, mean);
      store<f32>(to, scale, 4);
    }
  }
  return 0;
}

function sumOf(from: usize, bytes: usize, vectors: usize): f64 {
  let sums = f32x4.splat(0);
  for (let at: usize = 0; at < vectors; at += 16) sums = f32x4.add(sums, v128.load(from + at));
  let sum = total(sums);
  for (let at = vectors; at < bytes; at += 4) sum += load<f32>(from + at);
  return sum;
}

function squaresOf(from: usize, bytes: usize, vectors: usize, mean: f32): f64 {
  const means = f32x4.splat(mean);
  let sums = f32x4.splat(0);
  for (let at: usize = 0; at < vectors; at += 16) {
    const d = f32x4.sub(v128.load(from + at), means);
    sums = f32x4.add(sums, f32x4.mul(d, d));
  }
  let sum = total(sums);
  for (let at = vectors; at < bytes; at += 4) {
    const d = load<f32>(from + at) - mean;
    sum += d * d;
  }
  return sum;
}

/**
 * The gradients: of the input over `dy`, in place; of weight and bias as `sums` [blocks][2][channels],
 * over blocks of `blockImages` images from `begin` to `end`.
 */
export function normalizeBack(
  begin: i32,
  end: i32,
  _scratch: usize,
  x: usize,
  dy: usize,
  moments: usize,
  positions: i32,
  groups: i32,
  channels: i32,
  weight: usize,
  images: i32,
  blockImages: i32,
  sums: usize,
  sumBytes: i32,
): i32 {
  const pixel = <usize>channels << 2;
  const bytes = pixel / groups;
  const imageBytes = <usize>positions * pixel;
  const vectors = bytes & ~15;
  const count = <f64>positions * <f64>(channels / groups);
  for (let block = begin; block < end; ++block) {
    const sumsOfBlock = sums + <usize>block * sumBytes;
    clearFloats(sumsOfBlock, sumBytes);
    const lastImage = min(images, (block + 1) * blockImages);
    for (let image = block * blockImages; image < lastImage; ++image) {
      for (let g = 0; g < groups; ++g) {
        const moment = moments + (<usize>(image * groups + g) << 3);
        const mean = load<f32>(moment);
        const scale = load<f32>(moment, 4);
        const means = f32x4.splat(mean);
        const scales = f32x4.splat(scale);
        const w = weight + <usize>g * bytes;
        const byWeight = sumsOfBlock + <usize>g * bytes;
        const byBias = byWeight + pixel;
        const first = <usize>image * imageBytes + <usize>g * bytes;
        const last = first + imageBytes;
        let ofG: f64 = 0;
        let ofGH: f64 = 0;
        for (let p = first; p < last; p += pixel) {
          let gs = f32x4.splat(0);
          let ghs = f32x4.splat(0);
          for (let at: usize = 0; at < vectors; at += 16) {
            const d = v128.load(dy + p + at);
            const h = f32x4.mul(f32x4.sub(v128.load(x + p + at), means), scales);
            const dh = f32x4.mul(d, h);
            const factor = v128.load(w + at);
            v128.store(byWeight + at, f32x4.add(v128.load(byWeight + at), dh));
            v128.store(byBias + at, f32x4.add(v128.load(byBias + at), d));
            gs = f32x4.add(gs, f32x4.mul(d, factor));
            ghs = f32x4.add(ghs, f32x4.mul(dh, factor));
          }
          ofG += total(gs);
          ofGH += total(ghs);
          for (let at = vectors; at < bytes; at += 4) {
            const d = load<f32>(dy + p + at);
            const h = (load<f32>(x + p + at) - mean) * scale;
            const factor = load<f32>(w + at);
            store<f32>(byWeight + at, load<f32>(byWeight + at) + d * h);
            store<f32>(byBias + at, load<f32>(byBias + at) + d);
            ofG += d * factor;
            ofGH += d * h * factor;
          }
        }
        const meanG = <f32>(ofG / count);
        const meanGH = <f32>(ofGH / count);
        const meanGs = f32x4.splat(meanG);
        const meanGHs = f32x4.splat(meanGH);
        for (let p = first; p < last; p += pixel) {
          for (let at: usize = 0; at < vectors; at += 16) {
            const h = f32x4.mul(f32x4.sub(v128.load(x + p + at), means), scales);
            const d = f32x4.mul(v128.load(dy + p + at), v128.load(w + at));
            const left = f32x4.sub(f32x4.sub(d, meanGs), f32x4.mul(h, meanGHs));
            v128.store(dy + p + at, f32x4.mul(left, scales));
          }
          for (let at = vectors; at < bytes; at += 4) {
            const h = (load<f32>(x + p + at) - mean) * scale;
            const d = load<f32>(dy + p + at) * load<f32>(w + at);
            store<f32>(dy + p + at, (d - meanG - h * meanGH) * scale);
          }
        }
      }
    }
  }
  return 0;
}
