import type { Look, Pen } from "./pen.ts";

/** Half a pixel is as fine as a picture that is compared needs to be. */
const short = (value: number) => `${Math.round(value * 2) / 2 || 0}`;

/** A pen that writes an SVG file: one element a line, so that two files can be compared. */
export function svgPen(width: number, height: number): Pen & { svg(background: string): string } {
  const lines: string[] = [];
  let clips = 0;

  const attributes = ({ fill, stroke, width: line = 1, dash, opacity = 1 }: Look) =>
    [
      ` fill="${fill ?? "none"}"`,
      stroke ? ` stroke="${stroke}"` : "",
      stroke && line !== 1 ? ` stroke-width="${line}"` : "",
      dash ? ` stroke-dasharray="${dash.join(" ")}"` : "",
      opacity < 1 ? ` opacity="${opacity}"` : "",
    ].join("");

  return {
    width,
    height,
    dots(points, radius, look) {
      for (let i = 0; i < points.length / 2; i++) {
        const [x, y] = [points[2 * i] as number, points[2 * i + 1] as number];
        const r = typeof radius === "number" ? radius : (radius[i] as number);
        lines.push(
          `<circle cx="${short(x)}" cy="${short(y)}" r="${short(r)}"${attributes(look)}/>`,
        );
      }
    },
    lines(from, to, look) {
      for (let i = 0; i < from.length; i += 2) {
        const [a, b, c, d] = [from[i], from[i + 1], to[i], to[i + 1]].map((v) =>
          short(v as number),
        );
        lines.push(`<path d="M${a} ${b}L${c} ${d}"${attributes(look)}/>`);
      }
    },
    path(points, look, closed = false) {
      const places = Array.from({ length: points.length / 2 }, (_, i) =>
        [points[2 * i], points[2 * i + 1]].map((v) => short(v as number)).join(" "),
      );
      lines.push(`<path d="M${places.join("L")}${closed ? "Z" : ""}"${attributes(look)}/>`);
    },
    text(x, y, text, { size = 12, align = "left", bold = false, ...look }) {
      const anchor = { left: "start", center: "middle", right: "end" }[align];
      const place = `x="${short(x)}" y="${short(y)}" font-size="${size}" text-anchor="${anchor}"`;
      const weight = bold ? ' font-weight="600"' : "";
      const escaped = text.replace(/&/g, "&amp;").replace(/</g, "&lt;");
      lines.push(`<text ${place}${weight}${attributes(look)}>${escaped}</text>`);
    },
    image(rgba, columns, { x, y, width: wide, height: high }) {
      const rows = rgba.length / 4 / columns;
      const [w, h] = [wide / columns, high / rows];
      const at = (i: number) => `rgb(${rgba.subarray(4 * i, 4 * i + 3).join(" ")})`;
      for (let row = 0; row < rows; row++) {
        for (let start = 0; start < columns; ) {
          const first = row * columns + start;
          let end = start + 1;
          while (end < columns && at(row * columns + end) === at(first)) end++;
          const opacity = (rgba[4 * first + 3] as number) / 255;
          const place = `x="${short(x + start * w)}" y="${short(y + row * h)}"`;
          const size = `width="${short((end - start) * w)}" height="${short(h)}"`;
          const look = `fill="${at(first)}" opacity="${opacity.toFixed(2)}"`;
          if (opacity > 0) lines.push(`<rect ${place} ${size} ${look}/>`);
          start = end;
        }
      }
    },
    within({ x, y, width: wide, height: high }, draw) {
      const id = `clip${clips++}`;
      const place = `x="${short(x)}" y="${short(y)}" width="${short(wide)}" height="${short(high)}"`;
      lines.push(`<clipPath id="${id}"><rect ${place}/></clipPath>`, `<g clip-path="url(#${id})">`);
      draw();
      lines.push("</g>");
    },
    svg(background) {
      const size = `width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"`;
      const head = `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="system-ui, sans-serif">`;
      const back = `<rect width="100%" height="100%" fill="${background}"/>`;
      return `${[head, back, ...lines, "</svg>"].join("\n")}\n`;
    },
  };
}
