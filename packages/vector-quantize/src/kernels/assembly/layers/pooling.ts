/**
 * Windows of images, channels last. `begin` and `end` count rows of windows, of which an image has `rows`
 * of `columns` each, `down` and `across` pixels apart. What has no stride takes windows side by side.
 */
import { clearFloats } from "./arithmetic";

/** The largest value of each window, and a byte that says which it is, row by row. */
export function maxPool(
  begin: i32,
  end: i32,
  _scratch: usize,
  x: usize,
  y: usize,
  places: usize,
  rows: i32,
  columns: i32,
  channels: i32,
  imageRows: i32,
  imageColumns: i32,
  high: i32,
  wide: i32,
  down: i32,
  across: i32,
): i32 {
  const zero = i32x4.splat(0);
  const one = i32x4.splat(1);
  const pixel = <usize>channels << 2;
  const rowBytes = <usize>imageColumns * pixel;
  for (let row = begin; row < end; ++row) {
    let to = y + <usize>(row * columns) * pixel;
    let bytes = places + <usize>(row * columns * channels);
    const image = row / rows;
    let from = x + <usize>(image * imageRows + (row - image * rows) * down) * rowBytes;
    for (let column = 0; column < columns; ++column) {
      let c = 0;
      for (; c + 4 <= channels; c += 4) {
        let best = v128.load(from);
        let at = zero;
        let place = zero;
        let line = from;
        for (let i = 0; i < high; ++i) {
          let cell = line;
          for (let j = 0; j < wide; ++j) {
            const v = v128.load(cell);
            // Neither at least as large nor NaN: so a NaN comes out, the first of them.
            const kept = v128.or(f32x4.ge(best, v), f32x4.ne(best, best));
            best = v128.bitselect(best, v, kept);
            at = v128.bitselect(at, place, kept);
            place = i32x4.add(place, one);
            cell += pixel;
          }
          line += rowBytes;
        }
        v128.store(to, best);
        if (places) {
          const low = i8x16.shuffle(at, at, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12);
          v128.store32_lane(bytes, low, 0);
        }
        from += 16;
        to += 16;
        bytes += 4;
      }
      for (; c < channels; ++c) {
        let best = load<f32>(from);
        let at = 0;
        for (let k = 1; k < high * wide; ++k) {
          const i = k / wide;
          const v = load<f32>(from + <usize>i * rowBytes + <usize>(k - i * wide) * pixel);
          if (best >= v || best != best) continue;
          best = v;
          at = k;
        }
        store<f32>(to, best);
        if (places) store<u8>(bytes, at);
        from += 4;
        to += 4;
        bytes += 1;
      }
      from += <usize>(across - 1) * pixel;
    }
  }
  return 0;
}

/** The gradient of `maxPool` of windows side by side: all of it to the place of the largest value. */
export function maxPoolBack(
  begin: i32,
  end: i32,
  _scratch: usize,
  dy: usize,
  dx: usize,
  places: usize,
  columns: i32,
  channels: i32,
  high: i32,
  wide: i32,
): i32 {
  const zero = i32x4.splat(0);
  const one = i32x4.splat(1);
  const pixel = <usize>channels << 2;
  const rowBytes = <usize>(columns * wide) * pixel;
  for (let row = begin; row < end; ++row) {
    let from = dy + <usize>(row * columns) * pixel;
    let place = places + <usize>(row * columns * channels);
    let to = dx + <usize>(row * high) * rowBytes;
    for (let column = 0; column < columns; ++column) {
      let c = 0;
      for (; c + 4 <= channels; c += 4) {
        const v = v128.load(from);
        const bytes = v128.load32_zero(place);
        let left = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(bytes));
        let line = to;
        for (let i = 0; i < high; ++i) {
          let cell = line;
          for (let j = 0; j < wide; ++j) {
            v128.store(cell, v128.and(v, i32x4.eq(left, zero)));
            left = i32x4.sub(left, one);
            cell += pixel;
          }
          line += rowBytes;
        }
        from += 16;
        to += 16;
        place += 4;
      }
      for (; c < channels; ++c) {
        const at = <i32>load<u8>(place);
        for (let k = 0; k < high * wide; ++k) {
          const i = k / wide;
          const value = at == k ? load<f32>(from) : 0;
          store<f32>(to + <usize>i * rowBytes + <usize>(k - i * wide) * pixel, value);
        }
        from += 4;
        to += 4;
        place += 1;
      }
      to += <usize>(wide - 1) * pixel;
    }
  }
  return 0;
}

/** `scale` times the sum of each window: the mean, or the gradient of `spread` by `scale` 1. */
export function sumWindows(
  begin: i32,
  end: i32,
  _scratch: usize,
  x: usize,
  y: usize,
  rows: i32,
  columns: i32,
  channels: i32,
  imageRows: i32,
  imageColumns: i32,
  high: i32,
  wide: i32,
  down: i32,
  across: i32,
  scale: f32,
): i32 {
  const pixel = <usize>channels << 2;
  const rowBytes = <usize>imageColumns * pixel;
  const factor = f32x4.splat(scale);
  for (let row = begin; row < end; ++row) {
    let to = y + <usize>(row * columns) * pixel;
    const image = row / rows;
    let from = x + <usize>(image * imageRows + (row - image * rows) * down) * rowBytes;
    for (let column = 0; column < columns; ++column) {
      let c = 0;
      for (; c + 4 <= channels; c += 4) {
        let sum = f32x4.splat(0);
        for (let i = 0; i < high; ++i) {
          const line = from + <usize>i * rowBytes;
          for (let j = 0; j < wide; ++j) {
            sum = f32x4.add(sum, v128.load(line + <usize>j * pixel));
          }
        }
        v128.store(to, f32x4.mul(sum, factor));
        from += 16;
        to += 16;
      }
      for (; c < channels; ++c) {
        let sum: f32 = 0;
        for (let i = 0; i < high; ++i) {
          const line = from + <usize>i * rowBytes;
          for (let j = 0; j < wide; ++j) sum += load<f32>(line + <usize>j * pixel);
        }
        store<f32>(to, sum * scale);
        from += 4;
        to += 4;
      }
      from += <usize>(across - 1) * pixel;
    }
  }
  return 0;
}

/** `scale` times each value to all of its window: an enlargement, or the gradient of the mean. */
export function spread(
  begin: i32,
  end: i32,
  _scratch: usize,
  x: usize,
  y: usize,
  columns: i32,
  channels: i32,
  high: i32,
  wide: i32,
  scale: f32,
): i32 {
  const pixel = <usize>channels << 2;
  const rowBytes = <usize>(columns * wide) * pixel;
  const factor = f32x4.splat(scale);
  for (let row = begin; row < end; ++row) {
    let from = x + <usize>(row * columns) * pixel;
    let to = y + <usize>(row * high) * rowBytes;
    for (let column = 0; column < columns; ++column) {
      let c = 0;
      for (; c + 4 <= channels; c += 4) {
        const value = f32x4.mul(v128.load(from), factor);
        for (let i = 0; i < high; ++i) {
          const line = to + <usize>i * rowBytes;
          for (let j = 0; j < wide; ++j) v128.store(line + <usize>j * pixel, value);
        }
        from += 16;
        to += 16;
      }
      for (; c < channels; ++c) {
        const value = load<f32>(from) * scale;
        for (let i = 0; i < high; ++i) {
          const line = to + <usize>i * rowBytes;
          for (let j = 0; j < wide; ++j) store<f32>(line + <usize>j * pixel, value);
        }
        from += 4;
        to += 4;
      }
      to += <usize>(wide - 1) * pixel;
    }
  }
  return 0;
}

/**
 * The gradient of windows that overlap or leave gaps, for rows of pixels: each takes, from window after
 * window that sees it, `scale` times the gradient; with `places`, where it was the largest value.
 */
export function gatherWindows(
  begin: i32,
  end: i32,
  _scratch: usize,
  dy: usize,
  dx: usize,
  places: usize,
  rows: i32,
  columns: i32,
  channels: i32,
  imageRows: i32,
  imageColumns: i32,
  high: i32,
  wide: i32,
  down: i32,
  across: i32,
  scale: f32,
): i32 {
  const pixel = <usize>channels << 2;
  const factor = f32x4.splat(scale);
  const everywhere = i32x4.splat(places ? 0 : -1);
  for (let row = begin; row < end; ++row) {
    const image = row / imageRows;
    const i = row - image * imageRows;
    const line = dx + <usize>(row * imageColumns) * pixel;
    clearFloats(line, <usize>imageColumns * pixel);
    const first = i < high ? 0 : (i - high) / down + 1;
    const last = min(rows - 1, i / down);
    for (let r = first; r <= last; ++r) {
      const at = (i - r * down) * wide;
      const windows = (image * rows + r) * columns;
      let from = dy + <usize>windows * pixel;
      let place = places + <usize>(windows * channels);
      for (let column = 0; column < columns; ++column) {
        let to = line + <usize>(column * across) * pixel;
        let c = 0;
        for (; c + 4 <= channels; c += 4) {
          const v = f32x4.mul(v128.load(from), factor);
          const bytes = places ? v128.load32_zero(place) : everywhere;
          const largest = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(bytes));
          let cell = to;
          for (let j = 0; j < wide; ++j) {
            const mine = v128.or(everywhere, i32x4.eq(largest, i32x4.splat(at + j)));
            v128.store(cell, f32x4.add(v128.load(cell), v128.and(v, mine)));
            cell += pixel;
          }
          from += 16;
          to += 16;
          place += 4;
        }
        for (; c < channels; ++c) {
          const v = load<f32>(from) * scale;
          for (let j = 0; j < wide; ++j) {
            if (places && <i32>load<u8>(place) != at + j) continue;
            const cell = to + <usize>j * pixel;
            store<f32>(cell, load<f32>(cell) + v);
          }
          from += 4;
          to += 4;
          place += 1;
        }
      }
    }
  }
  return 0;
}
