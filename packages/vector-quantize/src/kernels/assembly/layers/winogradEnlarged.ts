/** The way back of a 3 x 3 convolution of enlarged images; `winograd.ts` has the matrices. */
import { clearFloats } from "./arithmetic";
import { multiplyRows } from "./product";
import {
  across,
  down,
  matrixBytes,
  paddedRowBytes,
  panelsOf,
  transformGradient,
  Winograd,
} from "./winograd";
import { addSmallTile } from "./winogradTiles";

/**
 * The gradient of the small image that was enlarged, `[rows, columns, C]`, plus `bias`, from that of the
 * output, for images from `begin` to `end` of one band each. `weights` are packed from outputs to channels.
 */
export function winogradEnlargedBack(
  begin: i32,
  end: i32,
  scratch: usize,
  planAt: usize,
  dy: usize,
  weights: usize,
  bias: usize,
  dx: usize,
): i32 {
  const plan = changetype<Winograd>(planAt);
  const channels = plan.channels;
  const outputs = plan.outputs;
  const panels = panelsOf(channels);
  const width = <usize>panels << 5;
  const pixel = <usize>channels << 2;
  const rowBytes = <usize>plan.columns * pixel;
  const padded = paddedRowBytes(plan);
  const outBytes = <usize>(plan.outRows * plan.outColumns * outputs) << 2;
  const gradientStep = matrixBytes(plan, outputs);
  const inputStep = matrixBytes(plan, 8 * panels);
  const weightStep = <usize>(panels * outputs) << 5;
  const tilesDown = down(plan, 0);
  const tilesAcross = across(plan);
  const rows = (tilesDown * tilesAcross + 3) & ~3;
  for (let image = begin; image < end; ++image) {
    transformGradient(plan, dy + <usize>image * outBytes, 0, scratch);
    for (let i: usize = 0; i < 9; ++i) {
      const from = scratch + plan.products + i * gradientStep;
      const to = scratch + plan.inputs + i * inputStep;
      multiplyRows(rows, from, outputs, weights + i * weightStep, panels, to, width);
    }
    clearFloats(scratch, <usize>(tilesDown + 2) * padded);
    let v = scratch + plan.inputs;
    for (let ty = 0; ty < tilesDown; ++ty) {
      let d = scratch + <usize>ty * padded;
      for (let tx = 0; tx < tilesAcross; ++tx) {
        for (let c: usize = 0; c < pixel; c += 16) {
          addSmallTile(d + c, padded, pixel, v + c, inputStep);
        }
        d += pixel;
        v += width;
      }
    }
    let from = scratch + padded + pixel;
    let to = dx + <usize>(image * plan.rows) * rowBytes;
    for (let r = 0; r < plan.rows; ++r) {
      for (let at: usize = 0; at < rowBytes; at += pixel) {
        for (let c: usize = 0; c < pixel; c += 16) {
          v128.store(to + at + c, f32x4.add(v128.load(from + at + c), v128.load(bias + c)));
        }
      }
      to += rowBytes;
      from += padded;
    }
  }
  return 0;
}
