/**
 * A random rotation out of butterflies: `ROUNDS` times random signs, a Hadamard transform of the first or, by
 * turns, the last power of two of the numbers, and one step of Kac's walk between their halves.
 */

/** Rounds of a rotation. */
export const ROUNDS: i32 = 4;

/**
 * `y` (f32 [padded]): `x` (f32 [dim]) times `length`, less `center` (f32 [dim]), filled up with zeros and
 * rotated. `signs` (f32 [ROUNDS, padded]) are -1 and 1; `padded` is a multiple of 16.
 */
export function rotateRow(
  x: usize,
  dim: i32,
  length: f32,
  center: usize,
  signs: usize,
  padded: i32,
  y: usize,
): void {
  let span = 16;
  while (span << 1 <= padded) span <<= 1;
  const scale = <f32>(1 / sqrt<f64>(<f64>span));
  const bytes = <usize>padded << 2;
  for (let at: usize = 0; at < <usize>dim << 2; at += 4) {
    store<f32>(y + at, load<f32>(x + at) * length - load<f32>(center + at));
  }
  for (let at = <usize>dim << 2; at < bytes; at += 4) store<f32>(y + at, 0);
  for (let round = 0; round < ROUNDS; ++round) {
    const sign = signs + <usize>round * bytes;
    for (let at: usize = 0; at < bytes; at += 16) {
      v128.store(y + at, f32x4.mul(v128.load(y + at), v128.load(sign + at)));
    }
    hadamard(round & 1 ? y + bytes - (<usize>span << 2) : y, <usize>span << 2, scale);
    if (span != padded) halves(y, bytes >> 1);
  }
}

/** 1 / the length of a row; 0 for zeros, and where float32 has no such number. */
export function inverseLength(x: usize, dim: i32): f32 {
  let squares: f64 = 0;
  for (let d = 0; d < dim; ++d) {
    const value = <f64>load<f32>(x + (<usize>d << 2));
    squares += value * value;
  }
  const inverse = <f32>(1 / sqrt<f64>(squares));
  return inverse < Infinity ? inverse : 0;
}

/**
 * Rows `begin` to `end` of `out` (f32 [N, dim]): those of `rows` (f32 [N, dim]), made of length 1 if `unit`, times
 * `matrix` (f32 [dim, wide]), `wide` the next multiple of 16; 0: as they are. `scratch` has room for 4 `wide` numbers.
 */
export function multiplyRows(
  begin: i32,
  end: i32,
  scratch: usize,
  rows: usize,
  dim: i32,
  unit: i32,
  matrix: usize,
  out: usize,
): i32 {
  const bytes = <usize>dim << 2;
  const whole = begin + ((end - begin) & ~3);
  for (let n = begin; n < end; ++n) {
    const x = rows + <usize>n * bytes;
    const y = out + <usize>n * bytes;
    const length = unit ? inverseLength(x, dim) : 1;
    for (let at: usize = 0; at < bytes; at += 4) store<f32>(y + at, load<f32>(x + at) * length);
    if (matrix == 0) continue;
    if (n >= whole) multiplyRow(y, dim, matrix, scratch);
    else if (((n - begin) & 3) == 3) multiplyFour(y - 3 * bytes, dim, matrix, scratch);
  }
  return 0;
}

/** Four rows, one behind another, times a matrix, in their place: each as `multiplyRow` does it. */
function multiplyFour(x: usize, dim: i32, matrix: usize, scratch: usize): void {
  const bytes = <usize>dim << 2;
  const step = <usize>((dim + 15) & ~15) << 2;
  for (let at: usize = 0; at < step; at += 32) {
    let a0 = f32x4.splat(0), a1 = a0, b0 = a0, b1 = a0, c0 = a0, c1 = a0, d0 = a0, d1 = a0;
    let line = matrix + at;
    for (let i = x; i < x + bytes; i += 4) {
      const m0 = v128.load(line), m1 = v128.load(line, 16);
      const a = v128.load32_splat(i), b = v128.load32_splat(i + bytes);
      a0 = f32x4.add(a0, f32x4.mul(a, m0));
      a1 = f32x4.add(a1, f32x4.mul(a, m1));
      b0 = f32x4.add(b0, f32x4.mul(b, m0));
      b1 = f32x4.add(b1, f32x4.mul(b, m1));
      const c = v128.load32_splat(i + 2 * bytes), d = v128.load32_splat(i + 3 * bytes);
      c0 = f32x4.add(c0, f32x4.mul(c, m0));
      c1 = f32x4.add(c1, f32x4.mul(c, m1));
      d0 = f32x4.add(d0, f32x4.mul(d, m0));
      d1 = f32x4.add(d1, f32x4.mul(d, m1));
      line += step;
    }
    const to = scratch + at;
    v128.store(to, a0);
    v128.store(to, a1, 16);
    v128.store(to + step, b0);
    v128.store(to + step, b1, 16);
    v128.store(to + 2 * step, c0);
    v128.store(to + 2 * step, c1, 16);
    v128.store(to + 3 * step, d0);
    v128.store(to + 3 * step, d1, 16);
  }
  for (let row: usize = 0; row < 4; ++row) memory.copy(x + row * bytes, scratch + row * step, bytes);
}

/** `x` (f32 [dim]) times a matrix, in its place. */
export function multiplyRow(x: usize, dim: i32, matrix: usize, scratch: usize): void {
  const step = <usize>((dim + 15) & ~15) << 2;
  for (let at: usize = 0; at < step; at += 64) {
    let a = f32x4.splat(0), b = a, c = a, d = a;
    let line = matrix + at;
    for (let i = 0; i < dim; ++i) {
      const v = v128.load32_splat(x + (<usize>i << 2));
      a = f32x4.add(a, f32x4.mul(v, v128.load(line)));
      b = f32x4.add(b, f32x4.mul(v, v128.load(line, 16)));
      c = f32x4.add(c, f32x4.mul(v, v128.load(line, 32)));
      d = f32x4.add(d, f32x4.mul(v, v128.load(line, 48)));
      line += step;
    }
    v128.store(scratch + at, a);
    v128.store(scratch + at, b, 16);
    v128.store(scratch + at, c, 32);
    v128.store(scratch + at, d, 48);
  }
  memory.copy(x, scratch, <usize>dim << 2);
}

/** The Hadamard transform of `bytes` of floats, times `scale`. */
function hadamard(x: usize, bytes: usize, scale: f32): void {
  const end = x + bytes;
  const by = f32x4.splat(scale);
  for (let at = x; at < end; at += 16) {
    const v = v128.load(at);
    const a = v128.shuffle<f32>(v, v, 0, 0, 2, 2);
    const b = v128.shuffle<f32>(v, v, 1, 1, 3, 3);
    const pairs = f32x4.add(a, f32x4.mul(b, f32x4(1, -1, 1, -1)));
    const c = v128.shuffle<f32>(pairs, pairs, 0, 1, 0, 1);
    const d = v128.shuffle<f32>(pairs, pairs, 2, 3, 2, 3);
    v128.store(at, f32x4.add(c, f32x4.mul(d, f32x4(1, 1, -1, -1))));
  }
  for (let step: usize = 16; step < bytes; step <<= 1) {
    for (let first = x; first < end; first += step << 1) {
      for (let at = first; at < first + step; at += 16) {
        const a = v128.load(at);
        const b = v128.load(at + step);
        v128.store(at, f32x4.add(a, b));
        v128.store(at + step, f32x4.sub(a, b));
      }
    }
  }
  for (let at = x; at < end; at += 16) v128.store(at, f32x4.mul(v128.load(at), by));
}

/** Each number of the first half with its like in the second: their sum and their difference. */
function halves(x: usize, half: usize): void {
  const by = f32x4.splat(<f32>Math.SQRT1_2);
  for (let at = x; at < x + half; at += 16) {
    const a = v128.load(at);
    const b = v128.load(at + half);
    v128.store(at, f32x4.mul(f32x4.add(a, b), by));
    v128.store(at + half, f32x4.mul(f32x4.sub(a, b), by));
  }
}
