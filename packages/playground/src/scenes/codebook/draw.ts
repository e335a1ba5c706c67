import { codeColor, css, type Palette } from "../../drawing/colors.ts";
import type { Pen } from "../../drawing/pen.ts";
import { byCode, drawCells } from "../../plane/drawCells.ts";
import { drawAxes, frameOf, toPicture } from "../../plane/frame.ts";
import { reach } from "../../plane/plane.ts";
import type { CodebookSnapshot, LayerCodes } from "./contract.ts";

/** Points and cells in the colours of their codes, the codes by how many points use them. */
export function drawCodebook(pen: Pen, palette: Palette, snapshot: CodebookSnapshot): void {
  const frame = frameOf(pen, [-reach, -reach], [reach, reach]);
  const { dark, ink, ground } = palette;
  pen.within(frame, () => {
    drawCells(pen, frame, palette, snapshot.cells);
    const places = toPicture(frame, snapshot.points);
    for (const [code, points] of byCode(places, snapshot.pointCodes.first)) {
      pen.dots(points, 1.7, { fill: css(codeColor(code, dark)), opacity: 0.75 });
    }
    for (const [depth, layer] of snapshot.layers.entries()) {
      if (depth > 0) drawBranches(pen, palette, layer, depth, frame);
    }
    const first = snapshot.layers[0];
    if (!first) return;
    const at = toPicture(frame, first.at);
    for (const [code, uses] of first.uses.entries()) {
      const place = [at[2 * code] as number, at[2 * code + 1] as number];
      if (uses > 0) {
        const look = { fill: css(codeColor(code, dark)), stroke: ground, width: 2 };
        pen.dots(place, 4 + Math.sqrt(uses) * 0.45, look);
      } else drawCross(pen, place as [number, number], ink);
    }
  });
  drawAxes(pen, frame, palette, ["first feature", "second feature"]);
}

function drawBranches(
  pen: Pen,
  { dark }: Palette,
  layer: LayerCodes,
  depth: number,
  frame: Parameters<typeof toPicture>[0],
): void {
  const [from, to] = [toPicture(frame, layer.from), toPicture(frame, layer.at)];
  const [starts, ends] = [byCode(from, layer.first), byCode(to, layer.first)];
  for (const [code, points] of ends) {
    const color = css(codeColor(code, dark));
    pen.lines(starts.get(code) ?? [], points, { stroke: color, width: 2.2 / depth, opacity: 0.7 });
    pen.dots(points, 3.2 / depth, { fill: color });
  }
}

function drawCross(pen: Pen, [x, y]: [number, number], ink: string): void {
  pen.dots([x, y], 5.5, { stroke: ink, width: 1.3 });
  const ends = [x - 2.5, y - 2.5, x - 2.5, y + 2.5];
  pen.lines(ends, [x + 2.5, y + 2.5, x + 2.5, y - 2.5], { stroke: ink, width: 1.3 });
}
