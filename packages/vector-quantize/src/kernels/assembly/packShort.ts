/** Brings a packed codebook into 16-bit integers. */
import { Codebook } from "./shared/codebook";
import { ShortCodebook } from "./shared/short";
import { panelCodes } from "./shared/tiles";

/** Codes of a panel of integers. */
const WIDTH: i32 = 8;
/** Bias of the places past the last code: never the least score. */
const PADDING: f32 = 3e38;

/** Panels `begin` to `end` of 8 codes. `scratch` is not used. Returns 0. */
export function packShort(
  begin: i32,
  end: i32,
  scratch: usize,
  book: Codebook,
  short: ShortCodebook,
): i32 {
  const panelBytes = <usize>short.pairs << 5;
  for (let p = begin; p < end; ++p) {
    const panel = short.packed + <usize>p * panelBytes;
    memory.fill(panel, 0, panelBytes);
    for (let i = 0; i < WIDTH; ++i) {
      const k = p * WIDTH + i;
      const at = <usize>k << 2;
      const inside = k < book.size;
      const bias = inside ? <f32>(<f64>load<f32>(book.bias + at) * short.scale) : PADDING;
      store<f32>(short.bias + at, bias);
      const rest = inside ? packCode(book, k, short.scale, panel + (<usize>i << 2)) : 0;
      store<f32>(short.rests + at, rest);
    }
  }
  return 0;
}

/** Writes one code to its column; returns the length of what rounding took off. */
function packCode(book: Codebook, k: i32, scale: f64, to: usize): f32 {
  const width = panelCodes(book.shape);
  const step = <usize>width << 2;
  let from = book.packed + <usize>(k / width) * book.dim * step + (<usize>(k % width) << 2);
  let squares: f64 = 0;
  for (let d = 0; d < book.dim; ++d) {
    const v = <f64>load<f32>(from) * scale;
    const rounded = nearest(v);
    squares += (v - rounded) * (v - rounded);
    store<i16>(to + (<usize>(d >> 1) << 5) + (<usize>(d & 1) << 1), <i16>(<i32>rounded));
    from += step;
  }
  return <f32>(sqrt(squares) * 1.000001);
}
