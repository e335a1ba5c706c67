/**
 * How far the spectra of two series are apart, and the gradient of that by the first: of four frames at
 * once, a lane each, with the output as real and the target as imaginary part of one Fourier transform.
 */
import { madd } from "./arithmetic";
import { fourier, fourierBack } from "./fourier";

const LOG10_OF_2: f32 = 0.3010299956639812;
const LOG10_OF_E: f32 = 0.4342944819032518;
/** Added to squared magnitudes, so that there is a slope at 0. */
const SOFTNESS: f32 = 1e-12;

/** What a call is given, for each series: see `spectralDistance`. */
@unmanaged
export class Spectra {
  /** Samples of a series. */
  length: i32;
  /** Samples of a frame, a power of 2 from 4 on, and from one frame to the next. */
  size: i32;
  hop: i32;
  frames: i32;
  /** Bands of frequency that magnitudes are summed in. */
  bands: i32;
  /** Least magnitude that logarithms tell apart. */
  floor: f32;
  /** Factors of the gradient: of differences of magnitudes and of logarithms, and of those of bands. */
  byMagnitude: f32;
  byBand: f32;
  /** Byte offsets from here: [size] the window; [size] pairs; [size] i32, each number's place, in bytes. */
  window: i32;
  twiddles: i32;
  places: i32;
  /** For each band: first frequency and how many, then their weights. */
  ranges: i32;
  weights: i32;
}

/** Decimal logarithm of four positive normal numbers. */
// @ts-ignore: decorator
@inline
function log10(x: v128): v128 {
  // x = m 2^e with m from sqrt(1/2) to sqrt(2); the polynomial is Cephes's.
  const shifted = i32x4.sub(x, i32x4.splat(0x3f3504f3));
  const e = f32x4.convert_i32x4_s(i32x4.shr_s(shifted, 23));
  const near = i32x4.add(v128.and(shifted, i32x4.splat(0x7fffff)), i32x4.splat(0x3f3504f3));
  const m = f32x4.sub(near, f32x4.splat(1));
  let p = madd(f32x4.splat(7.0376836292e-2), m, f32x4.splat(-1.151461031e-1));
  p = madd(p, m, f32x4.splat(1.167699874e-1));
  p = madd(p, m, f32x4.splat(-1.2420140846e-1));
  p = madd(p, m, f32x4.splat(1.4249322787e-1));
  p = madd(p, m, f32x4.splat(-1.6668057665e-1));
  p = madd(p, m, f32x4.splat(2.0000714765e-1));
  p = madd(p, m, f32x4.splat(-2.4999993993e-1));
  p = madd(p, m, f32x4.splat(3.3333331174e-1));
  const square = f32x4.mul(m, m);
  const natural = madd(f32x4.mul(p, m), square, madd(f32x4.splat(-0.5), square, m));
  return madd(e, f32x4.splat(LOG10_OF_2), f32x4.mul(natural, f32x4.splat(LOG10_OF_E)));
}

/** 1, 0 or -1 as `x` is above, at or below 0. */
// @ts-ignore: decorator
@inline
function sign(x: v128): v128 {
  const one = f32x4.splat(1);
  const zero = f32x4.splat(0);
  return f32x4.sub(v128.and(one, f32x4.gt(x, zero)), v128.and(one, f32x4.lt(x, zero)));
}

// @ts-ignore: decorator
@inline
function sum(x: v128): f64 {
  return (
    <f64>f32x4.extract_lane(x, 0) +
    <f64>f32x4.extract_lane(x, 1) +
    <f64>f32x4.extract_lane(x, 2) +
    <f64>f32x4.extract_lane(x, 3)
  );
}

/** Four frames from `frame` on of both series, times the window; zeros outside of them. */
function loadFrames(plan: Spectra, x: usize, y: usize, frame: i32, to: usize): void {
  const base = changetype<usize>(plan);
  const size = plan.size;
  for (let lane = 0; lane < 4; ++lane) {
    const inside = frame + lane < plan.frames;
    const start = (frame + lane) * plan.hop - (size >> 1);
    for (let i = 0; i < size; ++i) {
      const at = start + i;
      const place = to + (<usize>i << 5) + (<usize>lane << 2);
      if (!inside || at < 0 || at >= plan.length) {
        store<f32>(place, 0);
        store<f32>(place, 0, 16);
        continue;
      }
      const weight = load<f32>(base + plan.window + (<usize>i << 2));
      store<f32>(place, weight * load<f32>(x + (<usize>at << 2)));
      store<f32>(place, weight * load<f32>(y + (<usize>at << 2)), 16);
    }
  }
}

/** Adds the imaginary parts times the window to the gradient, each where its frame lies. */
function addFrames(plan: Spectra, frame: i32, from: usize, gradient: usize): void {
  const base = changetype<usize>(plan);
  const size = plan.size;
  for (let lane = 0; lane < 4 && frame + lane < plan.frames; ++lane) {
    const start = (frame + lane) * plan.hop - (size >> 1);
    const last = min(size, plan.length - start);
    for (let i = max(0, -start); i < last; ++i) {
      const weight = load<f32>(base + plan.window + (<usize>i << 2));
      const found = load<f32>(from + (<usize>i << 5) + (<usize>lane << 2), 16);
      const to = gradient + (<usize>(start + i) << 2);
      store<f32>(to, load<f32>(to) + weight * found);
    }
  }
}

/** The difference of the logarithms of magnitudes, as far as they are above the floor. */
// @ts-ignore: decorator
@inline
function logDistance(a: v128, b: v128, floor: v128): v128 {
  return f32x4.sub(log10(f32x4.max(a, floor)), log10(f32x4.max(b, floor)));
}

/** The slope of `|log10 max(a, floor) - ...|`, whose difference is `apart`. */
// @ts-ignore: decorator
@inline
function logSlope(a: v128, apart: v128, floor: v128): v128 {
  const slope = f32x4.div(f32x4.mul(sign(apart), f32x4.splat(LOG10_OF_E)), a);
  return v128.and(slope, f32x4.gt(a, floor));
}

/**
 * For each series from `begin` to `end` of `output` and `target`: adds the gradient to `gradient`, and
 * puts the unweighted sums of distances of all frames to `sums`, f64 [series][2]: of magnitudes and their
 * logarithms, and of the logarithms of bands. Scratch: 32 `size` + 48 (`size / 2 + 1`) bytes.
 */
export function spectralDistance(
  begin: i32,
  end: i32,
  scratch: usize,
  header: usize,
  output: usize,
  target: usize,
  gradient: usize,
  sums: usize,
): i32 {
  const plan = changetype<Spectra>(header);
  const size = plan.size;
  const bins = (size >> 1) + 1;
  const places = header + plan.places;
  const twiddles = header + plan.twiddles;
  const numbers = scratch;
  const ours = scratch + (<usize>size << 5);
  const theirs = ours + (<usize>bins << 4);
  const slopes = theirs + (<usize>bins << 4);
  const half = f32x4.splat(0.5);
  const zero = f32x4.splat(0);
  const softness = f32x4.splat(SOFTNESS);
  const floor = f32x4.splat(plan.floor);
  const byMagnitude = f32x4.splat(plan.byMagnitude);
  const byBand = f32x4.splat(plan.byBand);
  for (let series = begin; series < end; ++series) {
    const offset = <usize>(series * plan.length) << 2;
    let magnitudes: f64 = 0;
    let bands: f64 = 0;
    for (let frame = 0; frame < plan.frames; frame += 4) {
      loadFrames(plan, output + offset, target + offset, frame, numbers);
      fourier(numbers, size, twiddles);

      let apart = zero;
      for (let k = 0; k < bins; ++k) {
        const own = numbers + load<i32>(places + (<usize>k << 2));
        const other = numbers + load<i32>(places + (<usize>((size - k) & (size - 1)) << 2));
        const r = v128.load(own);
        const i = v128.load(own, 16);
        const turnedR = v128.load(other);
        const turnedI = v128.load(other, 16);
        const xr = f32x4.mul(half, f32x4.add(r, turnedR));
        const xi = f32x4.mul(half, f32x4.sub(i, turnedI));
        const yr = f32x4.mul(half, f32x4.add(i, turnedI));
        const yi = f32x4.mul(half, f32x4.sub(turnedR, r));
        v128.store(other, zero);
        v128.store(other, zero, 16);
        v128.store(own, xr);
        v128.store(own, xi, 16);
        const a = f32x4.sqrt(madd(xr, xr, madd(xi, xi, softness)));
        const b = f32x4.sqrt(madd(yr, yr, madd(yi, yi, softness)));
        const at = <usize>k << 4;
        v128.store(ours + at, a);
        v128.store(theirs + at, b);
        const direct = f32x4.sub(a, b);
        const byLog = logDistance(a, b, floor);
        apart = f32x4.add(apart, f32x4.add(f32x4.abs(direct), f32x4.abs(byLog)));
        const slope = f32x4.add(sign(direct), logSlope(a, byLog, floor));
        v128.store(slopes + at, f32x4.mul(byMagnitude, slope));
      }
      magnitudes += sum(apart);

      let weights = header + plan.weights;
      apart = zero;
      for (let band = 0; band < plan.bands; ++band) {
        const range = header + plan.ranges + (<usize>band << 3);
        const count = <usize>load<i32>(range, 4);
        const first = <usize>load<i32>(range) << 4;
        const last = first + (count << 4);
        let a = zero;
        let b = zero;
        let weight = weights;
        for (let at = first; at < last; at += 16) {
          const w = v128.load32_splat(weight);
          a = madd(w, v128.load(ours + at), a);
          b = madd(w, v128.load(theirs + at), b);
          weight += 4;
        }
        const byLog = logDistance(a, b, floor);
        apart = f32x4.add(apart, f32x4.abs(byLog));
        const slope = f32x4.mul(byBand, logSlope(a, byLog, floor));
        weight = weights;
        for (let at = first; at < last; at += 16) {
          const w = v128.load32_splat(weight);
          v128.store(slopes + at, madd(w, slope, v128.load(slopes + at)));
          weight += 4;
        }
        weights = weight;
      }
      bands += sum(apart);

      // Real and imaginary parts change places: so the transform goes back, and ends in the latter.
      for (let k = 0; k < bins; ++k) {
        const own = numbers + load<i32>(places + (<usize>k << 2));
        const at = <usize>k << 4;
        const share = f32x4.div(v128.load(slopes + at), v128.load(ours + at));
        const r = v128.load(own);
        v128.store(own, f32x4.mul(share, v128.load(own, 16)));
        v128.store(own, f32x4.mul(share, r), 16);
      }
      fourierBack(numbers, size, twiddles);
      addFrames(plan, frame, numbers, gradient + offset);
    }
    store<f64>(sums + (<usize>series << 4), magnitudes);
    store<f64>(sums + (<usize>series << 4), bands, 8);
  }
  return 0;
}
