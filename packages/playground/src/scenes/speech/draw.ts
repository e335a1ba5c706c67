import { hsl, type Palette } from "../../drawing/colors.ts";
import type { Pen } from "../../drawing/pen.ts";
import { drawAxes } from "../../plane/frame.ts";
import { type LoudnessGrid, rate } from "./contract.ts";

/** Time to the right, frequency upwards, loudness as colour. */
export function drawSpectrogram(
  pen: Pen,
  palette: Palette,
  { columns, rows, levels }: LoudnessGrid,
  seconds: number,
): void {
  const { width, height } = pen;
  const frame = {
    x: 36,
    y: 6,
    width: width - 46,
    height: height - 42,
    low: [0, 0],
    high: [seconds, rate / 2000],
  } as const;
  const rgba = new Uint8ClampedArray(4 * columns * rows);
  const colors = Array.from({ length: 256 }, (_, level) => {
    const share = level / 255;
    return hsl(0.66 - 0.1 * share, 0.7, palette.dark ? 0.08 + 0.72 * share : 0.97 - 0.72 * share);
  });
  for (let column = 0; column < columns; column++) {
    for (let row = 0; row < rows; row++) {
      const color = colors[levels[column * rows + row] as number] as (typeof colors)[number];
      rgba.set([...color, 255], 4 * ((rows - 1 - row) * columns + column));
    }
  }
  pen.image(rgba, columns, frame);
  drawAxes(pen, frame, palette, ["seconds", "kHz"]);
}
