import type { Look, Pen } from "./pen.ts";

/** Half a pixel is as fine as a picture that is compared needs to be. */
const short = (value: number) => `${Math.round(value * 2) / 2 || 0}`;

/** A grid finer than this is made coarser: a picture that is kept should be small. */
const mostColumns = 40;
const mostPixels = 24;

type Rgba = Uint8ClampedArray<ArrayBuffer>;

function coarser(rgba: Rgba, columns: number, most: number): { rgba: Rgba; columns: number } {
  const every = Math.ceil(columns / most);
  if (every === 1) return { rgba, columns };
  const [across, rows] = [columns, rgba.length / 4 / columns].map((n) => Math.floor(n / every)) as [
    number,
    number,
  ];
  const fewer = new Uint8ClampedArray(4 * across * rows);
  for (let i = 0; i < across * rows; i++) {
    const row = Math.floor(i / across) * every + (every >> 1);
    const from = 4 * (row * columns + (i % across) * every + (every >> 1));
    fewer.set(rgba.subarray(from, from + 4), 4 * i);
  }
  return { rgba: fewer, columns: across };
}

const lookAt = (rgba: Rgba, at: number) => {
  const [r, g, b, opacity = 255] = rgba.subarray(4 * at, 4 * at + 4);
  return `fill="rgb(${r} ${g} ${b})" opacity="${(opacity / 255).toFixed(2)}"`;
};

/** A pen that writes an SVG file: one element a line, so that two files can be compared. */
export function svgPen(
  title: string,
  width: number,
  height: number,
): Pen & { svg(background: string): string } {
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
      const places = Array.from({ length: points.length / 2 }, (_, i) => ({
        x: short(points[2 * i] as number),
        y: short(points[2 * i + 1] as number),
        r: typeof radius === "number" ? radius : (radius[i] as number),
      }));
      if (typeof radius === "number" && look.stroke === undefined && places.length > 1) {
        // Points of round ends: all of a colour in one element.
        const round = { stroke: look.fill ?? "", width: 2 * radius, opacity: look.opacity ?? 1 };
        const path = places.map(({ x, y }) => `M${x} ${y}h0`).join("");
        lines.push(`<path stroke-linecap="round" d="${path}"${attributes(round)}/>`);
        return;
      }
      for (const { x, y, r } of places) {
        lines.push(`<circle cx="${x}" cy="${y}" r="${short(r)}"${attributes(look)}/>`);
      }
    },
    lines(from, to, look) {
      let d = "";
      for (let i = 0; i < from.length; i += 2) {
        const [a, b, c, e] = [from[i], from[i + 1], to[i], to[i + 1]].map((v) =>
          short(v as number),
        );
        d += `M${a} ${b}L${c} ${e}`;
      }
      if (d) lines.push(`<path d="${d}"${attributes(look)}/>`);
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
    image(rgba, columns, { x, y, width: wide, height: high }, crisp = false) {
      const coarse = coarser(rgba, columns, crisp ? mostPixels : mostColumns);
      const [across, rows] = [coarse.columns, coarse.rgba.length / 4 / coarse.columns];
      const [w, h] = [wide / across, high / rows];
      const looks = Array.from({ length: across * rows }, (_, at) => lookAt(coarse.rgba, at));
      const paths = new Map<string, string>();
      for (let first = 0; first < across * rows; ) {
        const look = looks[first] as string;
        let end = first + 1;
        while (!crisp && end % across !== 0 && looks[end] === look) end++;
        const place = `M${short(x + (first % across) * w)} ${short(y + Math.floor(first / across) * h)}`;
        const run = `${place}h${short((end - first) * w)}v${short(h)}h${short((first - end) * w)}z`;
        if (crisp) lines.push(`<path ${look} d="${run}"/>`);
        else paths.set(look, (paths.get(look) ?? "") + run);
        first = end;
      }
      for (const [look, d] of paths) lines.push(`<path ${look} d="${d}"/>`);
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
      return `${[head, `<title>${title}</title>`, back, ...lines, "</svg>"].join("\n")}\n`;
    },
  };
}
