import { codeColor, type Palette } from "../drawing/colors.ts";
import type { Pen } from "../drawing/pen.ts";
import type { Cells } from "./cells.ts";
import { type Frame, toPicture } from "./frame.ts";
import { reach } from "./plane.ts";

/** The cells as washes of their codes' colours, with darker edges; their grid goes from `-half` to `half`. */
export function drawCells(
  pen: Pen,
  frame: Frame,
  { dark }: Palette,
  cells: Cells,
  half = reach,
): void {
  const { side, first, within } = cells;
  const rgba = new Uint8ClampedArray(4 * side * side);
  const known = new Map<number, readonly [number, number, number]>();
  for (let i = 0; i < side * side; i++) {
    const [code, rest] = [first[i] as number, within[i] as number];
    const key = code * 2 ** 24 + (rest % 2 ** 24);
    let color = known.get(key);
    if (!color) {
      color = codeColor(code, dark, rest);
      known.set(key, color);
    }
    rgba.set(color, 4 * i);
    const edge = (next: number) => first[next] !== code || within[next] !== rest;
    const onEdge =
      (i % side < side - 1 && edge(i + 1)) || (i + side < side * side && edge(i + side));
    rgba[4 * i + 3] = onEdge ? 120 : dark ? 46 : 38;
  }
  const [left = 0, top = 0, right = 0, bottom = 0] = toPicture(frame, [-half, half, half, -half]);
  pen.image(rgba, side, { x: left, y: top, width: right - left, height: bottom - top });
}

/** Places by the code that they belong to, so that each colour is drawn once. */
export function byCode(places: ArrayLike<number>, codes: ArrayLike<number>): Map<number, number[]> {
  const found = new Map<number, number[]>();
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i] as number;
    const list = found.get(code) ?? [];
    list.push(places[2 * i] as number, places[2 * i + 1] as number);
    found.set(code, list);
  }
  return found;
}
