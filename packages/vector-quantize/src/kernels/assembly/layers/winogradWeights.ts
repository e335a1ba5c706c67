/** Kernels into Winograd's domain, and their gradients out of it; `winograd.ts` has the matrices. */
import { panelsOf } from "./winograd";

// Of G: a = 3/4 and b = 3/2, and the factors of its rows.
const A: f32 = 0.75;
const B: f32 = 1.5;
const AT_ZERO: f32 = 64.0 / 81.0;
const AT_A: f32 = -128.0 / 243.0;
const AT_B: f32 = 32.0 / 243.0;

/** Bytes of eight lanes. */
const LANES: usize = 32;

/** G g of four lanes: `side` vectors, `step` apart. */
function intoDomain(side: i32, g: usize, apart: usize, out: usize, step: usize): void {
  const g0 = v128.load(g);
  const g1 = v128.load(g + apart);
  const g2 = v128.load(g + 2 * apart);
  if (side == 3) {
    v128.store(out, g0);
    v128.store(out + step, f32x4.add(f32x4.add(g0, g1), g2));
    v128.store(out + 2 * step, g2);
    return;
  }
  v128.store(out, f32x4.mul(g0, f32x4.splat(AT_ZERO)));
  bothSigns(g0, g1, g2, A, AT_A, out + step, step);
  bothSigns(g0, g1, g2, B, AT_B, out + 3 * step, step);
  v128.store(out + 5 * step, g2);
}

/** `factor (g0 + at g1 + at^2 g2)`, and the same at `-at`. */
function bothSigns(
  g0: v128,
  g1: v128,
  g2: v128,
  at: f32,
  factor: f32,
  out: usize,
  step: usize,
): void {
  const scale = f32x4.splat(factor);
  const even = f32x4.add(g0, f32x4.mul(g2, f32x4.splat(at * at)));
  const odd = f32x4.mul(g1, f32x4.splat(at));
  v128.store(out, f32x4.mul(f32x4.add(even, odd), scale));
  v128.store(out + step, f32x4.mul(f32x4.sub(even, odd), scale));
}

/**
 * Packs `G g G'` as `[side * side][panel][C][8]`, panels from `begin` to `end`; taps are 9 byte offsets.
 * Scratch memory: 1 KiB.
 */
export function packWinograd(
  begin: i32,
  end: i32,
  scratch: usize,
  side: i32,
  weights: usize,
  taps: usize,
  channels: i32,
  channelBytes: i32,
  outputs: i32,
  outputBytes: i32,
  packed: usize,
): i32 {
  const step = <usize>(panelsOf(outputs) * channels) << 5;
  /** The columns in the domain, `[3][side][8]`, behind the kernels, `[9][8]`. */
  const columns = scratch + 9 * LANES;
  const columnBytes = <usize>side * LANES;
  for (let panel = begin; panel < end; ++panel) {
    let to = packed + (<usize>(panel * channels) << 5);
    const lanes = min(8, outputs - 8 * panel);
    for (let c = 0; c < channels; ++c) {
      const first = weights + <usize>c * channelBytes + <usize>(8 * panel) * outputBytes;
      for (let tap: usize = 0; tap < 9; ++tap) {
        const from = first + load<i32>(taps + (tap << 2));
        const lane = scratch + tap * LANES;
        for (let o = 0; o < 8; ++o) {
          const value = o < lanes ? load<f32>(from + <usize>o * outputBytes) : 0;
          store<f32>(lane + (<usize>o << 2), value);
        }
      }
      for (let half: usize = 0; half < LANES; half += 16) {
        for (let j: usize = 0; j < 3; ++j) {
          const column = columns + j * columnBytes + half;
          intoDomain(side, scratch + j * LANES + half, 3 * LANES, column, LANES);
        }
        for (let i: usize = 0; i < <usize>side; ++i) {
          const out = to + <usize>side * i * step + half;
          intoDomain(side, columns + i * LANES + half, columnBytes, out, step);
        }
      }
      to += LANES;
    }
  }
  return 0;
}

/** G' of `side` vectors, `step` apart: three of them, the way back of `intoDomain`. */
function outOfDomain(side: i32, u: usize, step: usize, out: usize, apart: usize): void {
  const u0 = v128.load(u);
  const u1 = v128.load(u + step);
  const u2 = v128.load(u + 2 * step);
  if (side == 3) {
    v128.store(out, f32x4.add(u0, u1));
    v128.store(out + apart, u1);
    v128.store(out + 2 * apart, f32x4.add(u1, u2));
    return;
  }
  const u3 = v128.load(u + 3 * step);
  const u4 = v128.load(u + 4 * step);
  const evenA = f32x4.mul(f32x4.add(u1, u2), f32x4.splat(AT_A));
  const evenB = f32x4.mul(f32x4.add(u3, u4), f32x4.splat(AT_B));
  const oddA = f32x4.mul(f32x4.sub(u1, u2), f32x4.splat(A * AT_A));
  const oddB = f32x4.mul(f32x4.sub(u3, u4), f32x4.splat(B * AT_B));
  const atZero = f32x4.mul(u0, f32x4.splat(AT_ZERO));
  v128.store(out, f32x4.add(f32x4.add(evenA, evenB), atZero));
  v128.store(out + apart, f32x4.add(oddA, oddB));
  const squareA = f32x4.mul(evenA, f32x4.splat(A * A));
  const squareB = f32x4.mul(evenB, f32x4.splat(B * B));
  v128.store(out + 2 * apart, f32x4.add(f32x4.add(squareA, squareB), v128.load(u + 5 * step)));
}

/**
 * Adds the kernel's gradient `G' dU G` from the accumulators, for panels from `begin` to `end`. Scratch
 * memory: 1 KiB.
 */
export function unpackWinograd(
  begin: i32,
  end: i32,
  scratch: usize,
  side: i32,
  gradient: usize,
  taps: usize,
  channels: i32,
  channelBytes: i32,
  outputs: i32,
  outputBytes: i32,
  acc: usize,
): i32 {
  const step = <usize>(panelsOf(outputs) * channels) << 5;
  const line = <usize>side * step;
  /** The rows out of the domain, `[3][side][8]`, behind the gradients, `[9][8]`. */
  const rows = scratch + 9 * LANES;
  const rowBytes = <usize>side * LANES;
  for (let panel = begin; panel < end; ++panel) {
    const lanes = min(8, outputs - 8 * panel);
    for (let c = 0; c < channels; ++c) {
      const u = acc + (<usize>(panel * channels + c) << 5);
      for (let half: usize = 0; half < LANES; half += 16) {
        for (let j: usize = 0; j < <usize>side; ++j) {
          outOfDomain(side, u + j * step + half, line, rows + j * LANES + half, rowBytes);
        }
        for (let i: usize = 0; i < 3; ++i) {
          const out = scratch + 3 * i * LANES + half;
          outOfDomain(side, rows + i * rowBytes + half, LANES, out, LANES);
        }
      }
      const first = gradient + <usize>c * channelBytes + <usize>(8 * panel) * outputBytes;
      for (let tap: usize = 0; tap < 9; ++tap) {
        const to = first + load<i32>(taps + (tap << 2));
        for (let o = 0; o < lanes; ++o) {
          const at = to + <usize>o * outputBytes;
          const more = load<f32>(scratch + tap * LANES + (<usize>o << 2));
          store<f32>(at, load<f32>(at) + more);
        }
      }
    }
  }
  return 0;
}
