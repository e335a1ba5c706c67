/**
 * Convolutions as products over positions (`product.ts`), a band of an image at a time.
 *
 * The band is copied into a scratch image of the thread's own, whose border is zero; without padding
 * it is read where it lies. Short runs are gathered into rows first (*patches*), for a product over
 * few floats costs more than the copy. A part is one product: one of the groups, and one of the phases
 * of a transposed or enlarging convolution, whose output pixels lie `stride` apart and meet the same
 * part of the kernel.
 *
 * With one channel in each group lanes are channels (`lanes.ts`), and one output is a dot product (`dot.ts`).
 *
 * Weights and accumulators of the parts lie one after another in the order of the parts.
 */
import { clearFloats, copyFloats } from "./arithmetic";
import { multiplyDot } from "./dot";
import { addLanes, multiplyLanes } from "./lanes";
import { addOuter } from "./outerProduct";
import { multiply } from "./product";

/** How a part is computed: as a product, by channels in lanes, or as one dot product a position. */
export const PRODUCT = 0;
export const LANES = 1;
export const DOT = 2;

/** A convolution of one shape: written by the host, read by the kernels. Its parts follow it. */
@unmanaged
export class Convolution {
  /** Bands of an image. */
  bands: i32;
  /** Bytes of an image, and from one band to the next. */
  inputBytes: i32;
  inputBandBytes: i32;
  outputBytes: i32;
  outputBandBytes: i32;
  /** Rows of an image, and bytes of a row. */
  rows: i32;
  rowBytes: i32;
  /** Rows of the scratch image; 0: the input is read where it lies. */
  paddedRows: i32;
  paddedRowBytes: i32;
  /** Bytes of its left border. */
  inset: i32;
  /** The image row at its top for the first band (negative: padding), and rows to the next band. */
  top: i32;
  bandRows: i32;
  /** Byte offset of the patches in the scratch memory. */
  patches: i32;
  /** Number of parts. */
  parts: i32;
}

/** One product of a convolution. Its tables lie at byte offsets from itself. */
@unmanaged
export class Part {
  /** i32 [count][2]: byte offsets of the positions in the input and the output, for one band. */
  positions: usize;
  /** The same with offsets in the patches, or `positions` again. */
  rows: usize;
  /** Positions of all bands, and of one. */
  count: i32;
  bandCount: i32;
  /** i32 [runs]: byte offsets of the runs; `runBytes` each. As patches there is one run. */
  offsets: usize;
  runs: i32;
  runBytes: i32;
  /** i32 [gathered]: byte offsets of what is gathered; `gatheredBytes` each. 0 without patches. */
  sources: usize;
  gathered: i32;
  gatheredBytes: i32;
  /** Bytes from a row to the next where all lie evenly in input and output and have one run; else 0. */
  rowBytes: i32;
  outRowBytes: i32;
  /** `PRODUCT`, `LANES` or `DOT`. */
  way: i32;
  /** Channels of the output. */
  outputs: i32;
  /** Byte offsets into the packed weights, the packed bias and the accumulators. */
  weights: i32;
  bias: i32;
  accumulators: i32;
}

// @ts-ignore: decorator
@inline
function partAt(plan: Convolution, index: i32): Part {
  const first = changetype<usize>(plan) + offsetof<Convolution>();
  return changetype<Part>(first + <usize>index * offsetof<Part>());
}

/** Positions of `part` in `band`. */
// @ts-ignore: decorator
@inline
function countOf(part: Part, band: i32): i32 {
  return min(part.bandCount, part.count - band * part.bandCount);
}

/** Where a band's input lies: in `image`, or in the scratch image that it is copied to. */
function bringIn(plan: Convolution, image: usize, band: i32, scratch: usize): usize {
  if (plan.paddedRows == 0) return image + <usize>band * plan.inputBandBytes;
  let to = scratch + plan.inset;
  const top = plan.top + band * plan.bandRows;
  for (let r = top; r < top + plan.paddedRows; ++r) {
    if (r >= 0 && r < plan.rows) copyFloats(to, image + <usize>r * plan.rowBytes, plan.rowBytes);
    else clearFloats(to, plan.rowBytes);
    to += plan.paddedRowBytes;
  }
  return scratch;
}

/** Gathers what the first `count` positions of `part` meet into rows; returns where these begin. */
function gather(part: Part, count: i32, from: usize, to: usize): usize {
  const start = to;
  const bytes = <usize>part.gatheredBytes;
  const self = changetype<usize>(part);
  const positions = self + part.positions;
  const sources = self + part.sources;
  const sourcesEnd = sources + (<usize>part.gathered << 2);
  for (let p = 0; p < count; ++p) {
    const x = from + load<u32>(positions + (<usize>p << 3));
    for (let source = sources; source != sourcesEnd; source += 4) {
      const piece = x + load<u32>(source);
      // Past the end lie what comes next in the row, and the next row.
      for (let at: usize = 0; at < bytes; at += 16) {
        v128.store(to + at, v128.load(piece + at));
      }
      to += bytes;
    }
  }
  return start;
}

/** `out = convolution(x) + bias`, for the bands from `begin` to `end` of all images. */
export function convolve(
  begin: i32,
  end: i32,
  scratch: usize,
  planAt: usize,
  x: usize,
  weights: usize,
  bias: usize,
  out: usize,
): i32 {
  const plan = changetype<Convolution>(planAt);
  clearFloats(scratch, <usize>plan.paddedRows * plan.paddedRowBytes);
  for (let unit = begin; unit < end; ++unit) {
    const image = unit / plan.bands;
    const band = unit - image * plan.bands;
    const from = bringIn(plan, x + <usize>image * plan.inputBytes, band, scratch);
    const to = out + <usize>image * plan.outputBytes + <usize>band * plan.outputBandBytes;
    for (let i = 0; i < plan.parts; ++i) {
      const part = partAt(plan, i);
      const count = countOf(part, band);
      if (count <= 0) continue;
      const rows = part.gathered ? gather(part, count, from, scratch + plan.patches) : from;
      const own = weights + part.weights;
      const shift = bias + part.bias;
      if (part.way == LANES) multiplyLanes(part, count, rows, own, shift, to);
      else if (part.way == DOT) multiplyDot(part, count, rows, own, shift, to);
      else multiply(part, count, rows, own, shift, to);
    }
  }
  return 0;
}

/**
 * Gradients of the weights, `convolution`'s outer products, for blocks of `blockUnits` bands each:
 * the accumulators of block b lie at `acc + b * accBytes`, and begin at zero.
 */
export function convolutionOuter(
  begin: i32,
  end: i32,
  scratch: usize,
  planAt: usize,
  x: usize,
  dy: usize,
  acc: usize,
  accBytes: i32,
  units: i32,
  blockUnits: i32,
): i32 {
  const plan = changetype<Convolution>(planAt);
  clearFloats(scratch, <usize>plan.paddedRows * plan.paddedRowBytes);
  for (let block = begin; block < end; ++block) {
    const sums = acc + <usize>block * accBytes;
    clearFloats(sums, accBytes);
    const last = min(units, (block + 1) * blockUnits);
    for (let unit = block * blockUnits; unit < last; ++unit) {
      const image = unit / plan.bands;
      const band = unit - image * plan.bands;
      const from = bringIn(plan, x + <usize>image * plan.inputBytes, band, scratch);
      const by = dy + <usize>image * plan.outputBytes + <usize>band * plan.outputBandBytes;
      for (let i = 0; i < plan.parts; ++i) {
        const part = partAt(plan, i);
        const count = countOf(part, band);
        if (count <= 0) continue;
        const rows = part.gathered ? gather(part, count, from, scratch + plan.patches) : from;
        if (part.way == LANES) addLanes(part, count, rows, by, sums + part.accumulators);
        else addOuter(part, count, rows, by, sums + part.accumulators);
      }
    }
  }
  return 0;
}

/**
 * Packs the weights of one part, by panels from `begin` to `end`; see `packTaps` on the host. A panel of up
 * to 4 outputs has `narrowest` lanes.
 */
export function packWeights(
  begin: i32,
  end: i32,
  _scratch: usize,
  weights: usize,
  taps: usize,
  tapCount: i32,
  channels: i32,
  channelBytes: i32,
  outputs: i32,
  outputBytes: i32,
  packed: usize,
  narrowest: i32,
): i32 {
  const k = tapCount * channels;
  for (let panel = begin; panel < end; ++panel) {
    const left = outputs - 8 * panel;
    const width = left > 4 ? 8 : narrowest;
    let to = packed + (<usize>(panel * k) << 5);
    const first = weights + <usize>(8 * panel) * outputBytes;
    let tap = taps;
    for (let t = 0; t < tapCount; ++t) {
      const summed = load<i32>(tap);
      const offsets = tap + 4;
      tap = offsets + (<usize>summed << 2);
      for (let c = 0; c < channels; ++c) {
        for (let lane = 0; lane < width; ++lane) {
          let sum: f32 = 0;
          if (lane < left) {
            const from = first + <usize>c * channelBytes + <usize>lane * outputBytes;
            for (let s = offsets; s != tap; s += 4) sum += load<f32>(from + load<i32>(s));
          }
          store<f32>(to, sum);
          to += 4;
        }
      }
    }
  }
  return 0;
}

/** Adds the accumulators of one part to the gradient: the way back of `packWeights`. */
export function unpackWeights(
  begin: i32,
  end: i32,
  _scratch: usize,
  gradient: usize,
  taps: usize,
  tapCount: i32,
  channels: i32,
  channelBytes: i32,
  outputs: i32,
  outputBytes: i32,
  acc: usize,
  tapsOfRun: i32,
): i32 {
  const runSlots = (tapsOfRun * channels + 3) & ~3;
  const slots = runSlots * (tapCount / tapsOfRun);
  for (let panel = begin; panel < end; ++panel) {
    const lanes = min(8, outputs - 8 * panel);
    const sums = acc + (<usize>(panel * slots) << 5);
    const first = gradient + <usize>(8 * panel) * outputBytes;
    let tap = taps;
    for (let t = 0; t < tapCount; ++t) {
      const summed = load<i32>(tap);
      const offsets = tap + 4;
      tap = offsets + (<usize>summed << 2);
      const run = t / tapsOfRun;
      const slot = run * runSlots + (t - run * tapsOfRun) * channels;
      for (let c = 0; c < channels; ++c) {
        const from = sums + (<usize>(slot + c) << 5);
        for (let lane = 0; lane < lanes; ++lane) {
          const to = first + <usize>c * channelBytes + <usize>lane * outputBytes;
          const value = load<f32>(from + (<usize>lane << 2));
          for (let s = offsets; s != tap; s += 4) {
            const at = to + load<i32>(s);
            store<f32>(at, load<f32>(at) + value);
          }
        }
      }
    }
  }
  return 0;
}
