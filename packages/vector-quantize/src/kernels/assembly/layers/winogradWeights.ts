/** Kernels into Winograd's domain, and their gradients out of it; `winograd.ts` has the matrices. */
import { panelsOf } from "./winograd";

/** The sum of three taps of a row of `g`, as G asks for in place `i`. */
// @ts-ignore: decorator
@inline
function inDomain(side: i32, i: i32, g0: f32, g1: f32, g2: f32): f32 {
  if (i == 0) return g0;
  if (i == side - 1) return g2;
  if (side == 3) return g0 + g1 + g2;
  return i == 1 ? 0.5 * (g0 + g1 + g2) : 0.5 * (g0 - g1 + g2);
}

/**
 * Packs `G g G'` as `[side * side][panel][C][8]`, panels from `begin` to `end`; taps are 9 byte offsets.
 */
export function packWinograd(
  begin: i32,
  end: i32,
  _scratch: usize,
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
  for (let panel = begin; panel < end; ++panel) {
    let to = packed + (<usize>(panel * channels) << 5);
    for (let c = 0; c < channels; ++c) {
      for (let lane = 0; lane < 8; ++lane) {
        const o = 8 * panel + lane;
        const g = weights + <usize>c * channelBytes + <usize>o * outputBytes;
        for (let i = 0; i < side; ++i) {
          const g0 = o < outputs ? rowInDomain(side, i, g, taps) : 0;
          const g1 = o < outputs ? rowInDomain(side, i, g, taps + 4) : 0;
          const g2 = o < outputs ? rowInDomain(side, i, g, taps + 8) : 0;
          for (let j = 0; j < side; ++j) {
            store<f32>(to + <usize>(side * i + j) * step, inDomain(side, j, g0, g1, g2));
          }
        }
        to += 4;
      }
    }
  }
  return 0;
}

/** G of a column of the kernel, whose first tap is at `taps`, in place `i`. */
// @ts-ignore: decorator
@inline
function rowInDomain(side: i32, i: i32, g: usize, taps: usize): f32 {
  return inDomain(
    side,
    i,
    load<f32>(g + load<i32>(taps)),
    load<f32>(g + load<i32>(taps, 12)),
    load<f32>(g + load<i32>(taps, 24)),
  );
}

/** G' of the entries from `u` on, `step` apart, in place `i`: the way back of `inDomain`. */
// @ts-ignore: decorator
@inline
function outOfDomain(side: i32, i: i32, u: usize, step: usize): f32 {
  const u1 = load<f32>(u + step);
  const u2 = load<f32>(u + 2 * step);
  if (side == 3) return i == 0 ? load<f32>(u) + u1 : i == 1 ? u1 : u1 + u2;
  if (i == 0) return load<f32>(u) + 0.5 * (u1 + u2);
  return i == 1 ? 0.5 * (u1 - u2) : 0.5 * (u1 + u2) + load<f32>(u + 3 * step);
}

/**
 * Adds the kernel's gradient `G' dU G` from the accumulators, for panels from `begin` to `end`. Scratch
 * memory: 64 bytes.
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
  for (let panel = begin; panel < end; ++panel) {
    const lanes = min(8, outputs - 8 * panel);
    for (let c = 0; c < channels; ++c) {
      for (let lane = 0; lane < lanes; ++lane) {
        const u = acc + (<usize>(panel * channels + c) << 5) + (<usize>lane << 2);
        const to = gradient + <usize>c * channelBytes + <usize>(8 * panel + lane) * outputBytes;
        for (let i = 0; i < 3; ++i) {
          for (let j = 0; j < side; ++j) {
            const column = u + <usize>j * step;
            store<f32>(scratch + (<usize>j << 2), outOfDomain(side, i, column, <usize>side * step));
          }
          for (let j = 0; j < 3; ++j) {
            const at = to + load<i32>(taps + (<usize>(3 * i + j) << 2));
            store<f32>(at, load<f32>(at) + outOfDomain(side, j, scratch, 4));
          }
        }
      }
    }
  }
  return 0;
}
