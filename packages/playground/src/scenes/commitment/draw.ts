import { codeColor, css, type Palette } from "../../drawing/colors.ts";
import type { Pen } from "../../drawing/pen.ts";
import { byCode, drawCells } from "../../plane/drawCells.ts";
import { drawAxes, type Frame, frameOf, toPicture } from "../../plane/frame.ts";
import { reach } from "../../plane/plane.ts";
import type { CommitmentSnapshot } from "./contract.ts";

/** How much of a step's way an arrow shows: forces at full length would cover the plane. */
const shown = 0.3;

/** What of it is drawn. */
export interface Drawn {
  readonly homes: boolean;
  readonly forces: boolean;
}

/** Vectors between their homes and their codes, and what pulls each of them. */
export function drawCommitment(
  pen: Pen,
  palette: Palette,
  snapshot: CommitmentSnapshot,
  drawn: Drawn,
): void {
  const frame = frameOf(pen, [-reach, -reach], [reach, reach]);
  const { dark, ground, faint } = palette;
  pen.within(frame, () => {
    drawCells(pen, frame, palette, snapshot.cells);
    const vectors = toPicture(frame, snapshot.vectors);
    if (drawn.homes) {
      const homes = toPicture(frame, snapshot.homes);
      pen.lines(homes, vectors, { stroke: faint, width: 0.7, opacity: 0.35 });
      pen.dots(homes, 1.6, { stroke: faint, width: 0.8, opacity: 0.8 });
    }
    for (const [code, points] of byCode(vectors, snapshot.codeOf)) {
      pen.dots(points, 2.6, { fill: css(codeColor(code, dark)) });
    }
    if (drawn.forces) {
      const [pull, keep] = palette.forces;
      drawArrows(pen, frame, snapshot.vectors, snapshot.reconstruction, pull);
      drawArrows(pen, frame, snapshot.vectors, snapshot.commitment, keep);
    }
    const codes = toPicture(frame, snapshot.codes);
    for (const [code, uses] of snapshot.uses.entries()) {
      const place = [codes[2 * code] as number, codes[2 * code + 1] as number];
      const look = { fill: css(codeColor(code, dark)), stroke: ground, width: 2 };
      pen.dots(place, 4.5 + Math.sqrt(uses) * 0.7, look);
    }
  });
  drawAxes(pen, frame, palette, ["first feature", "second feature"]);
}

function drawArrows(
  pen: Pen,
  frame: Frame,
  vectors: Float32Array,
  forces: Float32Array,
  color: string,
): void {
  const ends = vectors.map((value, i) => value + shown * (forces[i] as number));
  const [from, to] = [toPicture(frame, vectors), toPicture(frame, ends)];
  const heads: number[][] = [[], []];
  const tips: number[][] = [[], []];
  for (let i = 0; i < to.length; i += 2) {
    const [x, y] = [to[i] as number, to[i + 1] as number];
    const [dx, dy] = [x - (from[i] as number), y - (from[i + 1] as number)];
    const length = Math.hypot(dx, dy);
    if (length < 4) continue;
    const size = Math.min(4, length / 2) / length;
    for (const [side, sign] of [1, -1].entries()) {
      tips[side]?.push(x, y);
      heads[side]?.push(x - size * (dx + sign * 0.6 * dy), y - size * (dy - sign * 0.6 * dx));
    }
  }
  const look = { stroke: color, width: 1.2, opacity: 0.85 };
  pen.lines(from, to, look);
  for (const side of [0, 1]) pen.lines(tips[side] ?? [], heads[side] ?? [], look);
}
