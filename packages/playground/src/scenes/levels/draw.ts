import { codeColor, css, type Palette } from "../../drawing/colors.ts";
import type { Pen } from "../../drawing/pen.ts";
import { byCode, drawCells } from "../../plane/drawCells.ts";
import { drawAxes, type Frame, frameOf, toPicture } from "../../plane/frame.ts";
import type { LevelsSnapshot, Quantizing } from "./contract.ts";

/** What goes in: the points, on the cells that bound and rounding make of the plane. */
export function drawInputs(pen: Pen, palette: Palette, snapshot: LevelsSnapshot): void {
  const frame = frameOf(pen, [-3, -3], [3, 3]);
  const [found] = snapshot.found;
  pen.within(frame, () => {
    if (snapshot.cells) drawCells(pen, frame, palette, snapshot.cells, 3);
    const places = toPicture(frame, snapshot.points);
    for (const [code, points] of byCode(places, found?.firstCode ?? [])) {
      pen.dots(points, 2, { fill: css(codeColor(code, palette.dark)) });
    }
  });
  drawAxes(pen, frame, palette, ["x, as it goes in", "y"]);
}

/** What the layers get, and the codes that they make of it. */
export function drawOutputs(pen: Pen, palette: Palette, found: Quantizing): void {
  const [low, high] = found.range;
  const frame = frameOf(pen, [low, low], [high, high]);
  const { dark, ink } = palette;
  pen.within(frame, () => {
    drawRange(pen, palette, frame, found);
    const from = toPicture(frame, found.bounded);
    const to = toPicture(frame, found.output);
    const [starts, ends] = [byCode(from, found.firstCode), byCode(to, found.firstCode)];
    pen.dots(toPicture(frame, found.grid), 4, { stroke: ink, width: 1.2, opacity: 0.7 });
    for (const [code, points] of starts) {
      const color = css(codeColor(code, dark));
      pen.lines(points, ends.get(code) ?? [], { stroke: color, width: 1, opacity: 0.7 });
      pen.dots(points, 1.7, { fill: color });
    }
    for (const points of ends.values()) pen.dots(points, 2.4, { fill: ink });
  });
  drawAxes(pen, frame, palette, ["x, bounded", "y"]);
}

/** Where the first layer's codes end. */
function drawRange(pen: Pen, { line }: Palette, frame: Frame, { grid }: Quantizing): void {
  const [low, high] = [Math.min(...grid), Math.max(...grid)];
  const box = toPicture(frame, [low, low, high, low, high, high, low, high]);
  pen.path(box, { stroke: line, dash: [4, 4], width: 1.2 }, true);
}

/** One number: what goes in to the right, its bound as a thin line, what comes out as a thick one. */
export function drawLine(pen: Pen, palette: Palette, { line, range }: Quantizing): void {
  const frame = frameOf(pen, [-4, range[0]], [4, range[1]]);
  const [pull, keep] = palette.forces;
  const along = (values: Float32Array) =>
    toPicture(
      frame,
      [...values].flatMap((value, i) => [line.input[i] as number, value]),
    );
  pen.within(frame, () => {
    const zero = toPicture(frame, [-4, 0, 4, 0, 0, range[0], 0, range[1]]);
    pen.path(zero.subarray(0, 4), { stroke: palette.line });
    pen.path(zero.subarray(4), { stroke: palette.line });
    pen.path(along(line.bounded), { stroke: keep, width: 1.6, dash: [5, 4] });
    pen.path(along(line.output), { stroke: pull, width: 2.2 });
  });
  drawAxes(pen, frame, palette, ["x, as it goes in", "what comes out"]);
}
