/** Layer normalisation over the last axis: rows of `features` floats. */
import { clearFloats } from "./arithmetic";

// @ts-ignore: decorator
@inline
function total(v: v128): f32 {
  return (
    f32x4.extract_lane(v, 0) +
    f32x4.extract_lane(v, 1) +
    (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3))
  );
}

/** `y = (x - mean) / sqrt(variance + eps) * weight + bias`; `moments` [rows][2]: mean, 1 / deviation. */
export function layerNorm(
  begin: i32,
  end: i32,
  _scratch: usize,
  x: usize,
  y: usize,
  moments: usize,
  features: i32,
  weight: usize,
  bias: usize,
  eps: f32,
): i32 {
  const bytes = <usize>features << 2;
  const vectors = bytes & ~15;
  for (let row = begin; row < end; ++row) {
    const from = x + <usize>row * bytes;
    const to = y + <usize>row * bytes;
    let sums = f32x4.splat(0);
    for (let at: usize = 0; at < vectors; at += 16) sums = f32x4.add(sums, v128.load(from + at));
    let sum = total(sums);
    for (let at = vectors; at < bytes; at += 4) sum += load<f32>(from + at);
    const mean = sum / <f32>features;
    const means = f32x4.splat(mean);
    sums = f32x4.splat(0);
    for (let at: usize = 0; at < vectors; at += 16) {
      const d = f32x4.sub(v128.load(from + at), means);
      sums = f32x4.add(sums, f32x4.mul(d, d));
    }
    sum = total(sums);
    for (let at = vectors; at < bytes; at += 4) {
      const d = load<f32>(from + at) - mean;
      sum += d * d;
    }
    const scale: f32 = 1 / sqrt<f32>(sum / <f32>features + eps);
    const scales = f32x4.splat(scale);
    for (let at: usize = 0; at < vectors; at += 16) {
      const d = f32x4.mul(f32x4.sub(v128.load(from + at), means), scales);
      v128.store(to + at, f32x4.add(f32x4.mul(d, v128.load(weight + at)), v128.load(bias + at)));
    }
    for (let at = vectors; at < bytes; at += 4) {
      const d = (load<f32>(from + at) - mean) * scale;
      store<f32>(to + at, d * load<f32>(weight + at) + load<f32>(bias + at));
    }
    if (!moments) continue;
    store<f32>(moments + (<usize>row << 3), mean);
    store<f32>(moments + (<usize>row << 3), scale, 4);
  }
  return 0;
}

/**
 * The gradients: of the input over `dy`, in place; of weight and bias as `sums` [blocks][2][features],
 * over blocks of `blockRows` rows from `begin` to `end`.
 */
export function layerNormBack(
  begin: i32,
  end: i32,
  _scratch: usize,
  x: usize,
  dy: usize,
  moments: usize,
  features: i32,
  weight: usize,
  rows: i32,
  blockRows: i32,
  sums: usize,
  sumBytes: i32,
): i32 {
  const bytes = <usize>features << 2;
  const vectors = bytes & ~15;
  for (let block = begin; block < end; ++block) {
    const byWeight = sums + <usize>block * sumBytes;
    const byBias = byWeight + bytes;
    clearFloats(byWeight, sumBytes);
    const last = min(rows, (block + 1) * blockRows);
    for (let row = block * blockRows; row < last; ++row) {
      const from = x + <usize>row * bytes;
      const by = dy + <usize>row * bytes;
      const mean = load<f32>(moments + (<usize>row << 3));
      const scale = load<f32>(moments + (<usize>row << 3), 4);
      const means = f32x4.splat(mean);
      const scales = f32x4.splat(scale);
      let ofG = f32x4.splat(0);
      let ofGH = f32x4.splat(0);
      for (let at: usize = 0; at < vectors; at += 16) {
        const d = v128.load(by + at);
        const h = f32x4.mul(f32x4.sub(v128.load(from + at), means), scales);
        const dh = f32x4.mul(d, h);
        const w = v128.load(weight + at);
        v128.store(byWeight + at, f32x4.add(v128.load(byWeight + at), dh));
        v128.store(byBias + at, f32x4.add(v128.load(byBias + at), d));
        ofG = f32x4.add(ofG, f32x4.mul(d, w));
        ofGH = f32x4.add(ofGH, f32x4.mul(dh, w));
      }
      let g = total(ofG);
      let gh = total(ofGH);
      for (let at = vectors; at < bytes; at += 4) {
        const d = load<f32>(by + at);
        const h = (load<f32>(from + at) - mean) * scale;
        const w = load<f32>(weight + at);
        store<f32>(byWeight + at, load<f32>(byWeight + at) + d * h);
        store<f32>(byBias + at, load<f32>(byBias + at) + d);
        g += d * w;
        gh += d * h * w;
      }
      g /= <f32>features;
      gh /= <f32>features;
      const gs = f32x4.splat(g);
      const ghs = f32x4.splat(gh);
      for (let at: usize = 0; at < vectors; at += 16) {
        const h = f32x4.mul(f32x4.sub(v128.load(from + at), means), scales);
        const d = f32x4.mul(v128.load(by + at), v128.load(weight + at));
        const left = f32x4.sub(f32x4.sub(d, gs), f32x4.mul(h, ghs));
        v128.store(by + at, f32x4.mul(left, scales));
      }
      for (let at = vectors; at < bytes; at += 4) {
        const h = (load<f32>(from + at) - mean) * scale;
        const d = load<f32>(by + at) * load<f32>(weight + at);
        store<f32>(by + at, (d - g - h * gh) * scale);
      }
    }
  }
  return 0;
}
