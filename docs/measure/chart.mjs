/** Figures as SVG: text of a page's size, colours for light and dark, a ground of their own. */

const light = ["#1f6fb5", "#c25e00", "#1b7f5a", "#a8327d", "#6b4fc0"];
const dark = ["#6cb2f0", "#f2a65a", "#5fd0a2", "#ec8cc6", "#b3a1f5"];
const colored = (colors) =>
  colors
    .map(
      (color, i) =>
        `.line.c${i}, .range.c${i} { stroke: ${color}; } .dot.c${i} { fill: ${color}; }`,
    )
    .join("\n");
const style = `
.ground { fill: #ffffff; stroke: #d0d0d7; }
text { font: 13px system-ui, sans-serif; fill: #3c3c43; }
.title { font-weight: 600; }
.grid { stroke: #e2e2e8; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; }
.range { stroke-width: 2; }
${colored(light)}
@media (prefers-color-scheme: dark) {
.ground { fill: #1b1b1f; stroke: #3c3f44; }
text { fill: #dfdfd6; }
.grid { stroke: #33353a; }
${colored(dark)}
}`;

const escaped = (text) => String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;");
const at = (x) => Number(x.toFixed(1));

function picture(width, height, title, parts) {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="t">
<title id="t">${escaped(title)}</title>
<style>${style}
</style>
<rect class="ground" x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8"/>
${parts.flat(9).join("\n")}
</svg>
`;
}

const text = (x, y, content, { anchor = "start", kind } = {}) =>
  `<text x="${at(x)}" y="${at(y)}" text-anchor="${anchor}"${kind ? ` class="${kind}"` : ""}>${escaped(content)}</text>`;

/** Some five round numbers from `low` to `high`. */
function ticks(low, high) {
  const raw = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= raw);
  const found = [];
  for (let k = Math.ceil(low / step); k * step <= high; k++)
    found.push(Number((k * step).toPrecision(6)));
  return found;
}

/** 1, 2 and 5 of each power of ten from `low` to `high`. */
function powers(low, high) {
  const all = [];
  for (let e = Math.floor(Math.log10(low)); e <= Math.log10(high); e++) {
    all.push(...[1, 2, 5].map((factor) => Number((factor * 10 ** e).toPrecision(2))));
  }
  return all.filter((each) => each >= low && each <= high);
}

/** Panels side by side of curves `{ name, points: [x, y][] }`, which have one legend. */
export function curves(title, panels) {
  const [width, height, left, gap] = [760, 330, 62, 56];
  const each = (width - left - 20 - gap * (panels.length - 1)) / panels.length;
  const [top, bottom] = [42, 250];
  const parts = panels.map(({ title: name, x: xName, series, log }, p) => {
    const from = left + p * (each + gap);
    const all = series.flatMap(({ points }) => points);
    const [xs, ys] = [all.map(([x]) => x), all.map(([, y]) => y)];
    const [x0, x1] = [Math.min(...xs), Math.max(...xs)];
    const [y0, y1] = [Math.min(...ys), Math.max(...ys)];
    const scaled = log ? Math.log : (y) => y;
    const placeX = (x) => from + ((x - x0) / (x1 - x0)) * each;
    const placeY = (y) =>
      bottom - ((scaled(y) - scaled(y0)) / (scaled(y1) - scaled(y0))) * (bottom - top);
    const marks = log ? powers(y0, y1) : ticks(y0, y1);
    return [
      text(from, 24, name, { kind: "title" }),
      marks.map((y) => [
        `<line class="grid" x1="${at(from)}" x2="${at(from + each)}" y1="${at(placeY(y))}" y2="${at(placeY(y))}"/>`,
        text(from - 6, placeY(y) + 4, y, { anchor: "end" }),
      ]),
      ticks(x0, x1).map((x) => text(placeX(x), bottom + 18, x, { anchor: "middle" })),
      text(from + each / 2, bottom + 36, xName, { anchor: "middle" }),
      series.map(({ points }, i) => {
        const path = points.map(([x, y]) => `${at(placeX(x))} ${at(placeY(y))}`).join(" L ");
        return `<path class="line c${i % 5}" d="M ${path}"/>`;
      }),
    ];
  });
  const names = panels[0].series.map(({ name }) => name);
  let x = left;
  const legend = names.map((name, i) => {
    const begin = x;
    x += 34 + name.length * 7.4;
    return [
      `<line class="line c${i % 5}" x1="${at(begin)}" x2="${at(begin + 18)}" y1="306" y2="306"/>`,
      text(begin + 23, 310, name),
    ];
  });
  return picture(width, height, title, [parts, legend]);
}

/** A row for each name, with the values of some runs as dots and their range; a colour for each panel. */
export function dots(title, names, panels) {
  const [width, row, left, gap, top] = [760, 24, 222, 26, 44];
  const each = (width - left - 24 - gap * (panels.length - 1)) / panels.length;
  const height = top + names.length * row + 34;
  const labels = names.map((name, i) =>
    text(left - 12, top + i * row + 17, name, { anchor: "end" }),
  );
  const parts = panels.map(({ title: name, valuesOf }, p) => {
    const from = left + p * (each + gap);
    const all = names.flatMap((each) => valuesOf(each));
    const [low, high] = [Math.min(...all), Math.max(...all)];
    const place = (v) => from + 6 + ((v - low) / (high - low)) * (each - 12);
    const bottom = top + names.length * row;
    return [
      text(from, 24, name, { kind: "title" }),
      ticks(low, high).map((v) => [
        `<line class="grid" x1="${at(place(v))}" x2="${at(place(v))}" y1="${top}" y2="${bottom}"/>`,
        text(place(v), bottom + 18, v, { anchor: "middle" }),
      ]),
      names.map((each, i) => {
        const values = valuesOf(each);
        if (values.length === 0) return [];
        const y = top + i * row + 12;
        const [a, b] = [place(Math.min(...values)), place(Math.max(...values))];
        return [
          `<line class="range c${p}" x1="${at(a)}" x2="${at(b)}" y1="${y}" y2="${y}"/>`,
          values.map((v) => `<circle class="dot c${p}" cx="${at(place(v))}" cy="${y}" r="4"/>`),
        ];
      }),
    ];
  });
  return picture(width, height, title, [labels, parts]);
}
