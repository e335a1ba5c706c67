import type { Palette } from "../drawing/colors.ts";
import type { Area, Pen } from "../drawing/pen.ts";

/** A part of a picture that shows numbers from `low` to `high` on each axis, upwards to the right. */
export interface Frame extends Area {
  readonly low: readonly [number, number];
  readonly high: readonly [number, number];
}

/** Places of the plane in the picture. */
export function toPicture(frame: Frame, points: ArrayLike<number>): Float32Array {
  const [[left, bottom], [right, top]] = [frame.low, frame.high];
  const [x, y] = [frame.width / (right - left), frame.height / (top - bottom)];
  return Float32Array.from(points, (value, i) =>
    i % 2 === 0 ? frame.x + (value - left) * x : frame.y + (top - value) * y,
  );
}

/** The numbers that an axis names. */
export function ticksOf(low: number, high: number): number[] {
  const rough = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((each) => each * power >= rough) as number) * power;
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, i) =>
    Number(((first + i) * step).toPrecision(6)),
  );
}

/** Axes with numbers and names around a frame, which leaves some 36 pixels to the left and below. */
export function drawAxes(
  pen: Pen,
  frame: Frame,
  { faint, line }: Palette,
  [x, y]: readonly [string, string],
): void {
  const corners = [frame.low[0], frame.low[1], frame.high[0], frame.high[1]];
  const [left = 0, bottom = 0, right = 0, top = 0] = toPicture(frame, corners);
  const box = [left, top, right, top, right, bottom, left, bottom];
  pen.path(box, { stroke: line }, true);
  for (const tick of ticksOf(frame.low[0], frame.high[0])) {
    const [at = 0] = toPicture(frame, [tick, 0]);
    pen.path([at, bottom, at, bottom + 4], { stroke: line });
    pen.text(at, bottom + 16, `${tick}`, { fill: faint, size: 11, align: "center" });
  }
  for (const tick of ticksOf(frame.low[1], frame.high[1])) {
    const [, at = 0] = toPicture(frame, [0, tick]);
    pen.path([left - 4, at, left, at], { stroke: line });
    pen.text(left - 7, at + 4, `${tick}`, { fill: faint, size: 11, align: "right" });
  }
  pen.text(right, bottom + 30, x, { fill: faint, size: 12, align: "right" });
  pen.text(left + 6, top + 15, y, { fill: faint, size: 12 });
}

/** The frame that fills a picture but for the room of its axes. */
export function frameOf(
  { width, height }: Pick<Pen, "width" | "height">,
  low: readonly [number, number],
  high: readonly [number, number],
): Frame {
  return { x: 36, y: 10, width: width - 46, height: height - 46, low, high };
}
