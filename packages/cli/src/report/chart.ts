/** Line charts and filled curves as SVG text, colours from the page's CSS variables. */

export interface Line {
  readonly name: string;
  /** Which of the page's line colours: 1, 2 or 3. */
  readonly color: 1 | 2 | 3;
  readonly points: readonly (readonly [x: number, y: number])[];
  /** Fills the area down to the axis. Default false. */
  readonly filled?: boolean;
}

export interface ChartOptions {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  /** Logarithmic values on the y axis. Needs positive values; others are left out. Default false. */
  readonly logarithmic?: boolean;
  /** Begins the y axis at 0. Default false. */
  readonly fromZero?: boolean;
  /** Draws each line faintly, and its running mean over it. Default false. */
  readonly smoothed?: boolean;
  /** For the page's whole width. Default false. */
  readonly wide?: boolean;
}

const height = 280;

/** Where the lines are drawn. */
interface Plot {
  readonly width: number;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

function plotOf(width: number): Plot {
  return { width, left: 62, right: width - 14, top: 14, bottom: height - 42 };
}

/**
 * A chart of `lines` with axes, labels and, for more than one line, a legend. Its x axis begins at 0.
 *
 * A slider below it, moved by the page's script, reads the values; without one, the last ones are told.
 */
export function chart(lines: readonly Line[], options: ChartOptions): string {
  const { title, logarithmic = false, fromZero = false, smoothed = false, wide = false } = options;
  const plot = plotOf(wide ? 1000 : 480);
  const drawn = lines.map((line) => ({
    ...line,
    points: line.points.filter(([, y]) => Number.isFinite(y) && (!logarithmic || y > 0)),
  }));
  const all = drawn.flatMap((line) => line.points);
  if (all.length === 0) return figure(title, `<p class="empty">No values yet.</p>`);
  const across = range([0, ...all.map(([value]) => value)]);
  const x = linearScale(across, [plot.left, plot.right], false);
  const values = range(all.map(([, value]) => value));
  const vertical = [plot.bottom, plot.top] as const;
  const y = logarithmic
    ? logScale(values, vertical)
    : linearScale(fromZero ? [0, values[1]] : values, vertical, true);
  const paths = drawn
    .filter(({ points }) => points.length > 0)
    .map((line) =>
      smoothed
        ? `<g class="faint">${path(line, x, y, plot)}</g>${path({ ...line, points: runningMean(line.points) }, x, y, plot)}`
        : path(line, x, y, plot),
    );
  return figure(
    title,
    `<svg viewBox="0 0 ${plot.width} ${height}" role="img" aria-label="${htmlText(title)}">
${axes(x, y, plot, options)}
${paths.join("\n")}
<line class="cursor" x1="${plot.right}" x2="${plot.right}" y1="${plot.top}" y2="${plot.bottom}"/>
</svg>${lines.length > 1 ? legend(lines) : ""}${reader(drawn, options, plot, across)}`,
  );
}

/** What reads the chart's values: a slider, the values, and what the script needs to find others. */
function reader(lines: readonly Line[], { x, title }: ChartOptions, plot: Plot, across: Range) {
  const steps = [...new Set(lines.flatMap(({ points }) => points.map(([at]) => at)))];
  steps.sort((a, b) => a - b);
  const last = steps.at(-1) as number;
  const data = {
    ...{ x, steps, from: across[0], to: across[1], left: plot.left, right: plot.right },
    lines: lines.map(({ name, points }) => ({
      name,
      at: points.map(([at]) => at),
      values: points.map(([, value]) => Number(value.toPrecision(4))),
    })),
  };
  const values = lines.flatMap(({ name, points }) => {
    const [, value] = points.at(-1) ?? [];
    return value === undefined ? [] : [`${name} ${Number(value.toPrecision(4))}`];
  });
  const most = steps.length - 1;
  return `<input class="reader" type="range" min="0" max="${most}" value="${most}" aria-label="${htmlText(`${title}: ${x}`)}">
<output>${htmlText(`${x} ${last}: ${values.join(", ")}`)}</output>
<script type="application/json">${JSON.stringify(data).replaceAll("<", "\\u003c")}</script>`;
}

interface Scale {
  at(value: number): number;
  readonly ticks: readonly number[];
}

type Range = readonly [min: number, max: number];

function range(values: readonly number[]): Range {
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    min = Math.min(min, value);
    max = Math.max(max, value);
  }
  return min === max
    ? [min - Math.abs(min) / 10 - 1e-9, max + Math.abs(max) / 10 + 1e-9]
    : [min, max];
}

/** Ticks at 1, 2 or 5 times a power of ten; with `rounded`, the axis ends at ticks. */
function linearScale([min, max]: Range, [from, to]: Range, rounded: boolean): Scale {
  const rough = (max - min) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((factor) => power * factor >= rough) ?? 10);
  const first = rounded ? Math.floor(min / step) : Math.ceil(min / step);
  const last = rounded ? Math.ceil(max / step) : Math.floor(max / step);
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
  const [low, high] = rounded ? [first * step, last * step] : [min, max];
  return { at: (value) => from + ((value - low) / (high - low)) * (to - from), ticks };
}

function logScale([min, max]: Range, [from, to]: Range): Scale {
  const steps = [1, 2, 5];
  const first = Math.floor(Math.log10(min));
  const powers = Array.from(
    { length: Math.ceil(Math.log10(max)) - first + 1 },
    (_, i) => first + i,
  );
  const decades = powers.map((power) => 10 ** power);
  const fine = decades.flatMap((decade) => steps.map((step) => step * decade));
  const low = fine.findLast((tick) => tick <= min * (1 + 1e-9)) ?? min;
  const high = fine.find((tick) => tick >= max * (1 - 1e-9)) ?? max;
  const within = fine.filter((tick) => tick >= low && tick <= high);
  // Over many decades, only the powers of ten.
  const ticks = within.length > 9 ? within.filter((tick) => decades.includes(tick)) : within;
  const [a, b] = [Math.log(low), Math.log(high)];
  return { at: (value) => from + ((Math.log(value) - a) / (b - a)) * (to - from), ticks };
}

/** Every value with its neighbours within a fortieth of the curve on either side, averaged. */
function runningMean(points: Line["points"]): Line["points"] {
  const reach = Math.floor(points.length / 40);
  return points.map(([x], i) => {
    // The window shrinks towards both ends, so that it stays around its point.
    const side = Math.min(reach, i, points.length - 1 - i);
    const window = points.slice(i - side, i + side + 1);
    return [x, window.reduce((sum, [, value]) => sum + value, 0) / window.length] as const;
  });
}

function axes(x: Scale, y: Scale, plot: Plot, labels: ChartOptions): string {
  const middle = (plot.top + plot.bottom) / 2;
  return [
    ...y.ticks.map((tick) => {
      const at = y.at(tick).toFixed(1);
      return `<line class="grid" x1="${plot.left}" x2="${plot.right}" y1="${at}" y2="${at}"/><text x="${plot.left - 8}" y="${at}" dy="0.32em" text-anchor="end">${shorten(tick)}</text>`;
    }),
    ...x.ticks.map(
      (tick) =>
        `<text x="${x.at(tick).toFixed(1)}" y="${plot.bottom + 17}" text-anchor="middle">${shorten(tick)}</text>`,
    ),
    `<line class="axis" x1="${plot.left}" x2="${plot.right}" y1="${plot.bottom}" y2="${plot.bottom}"/>`,
    `<text class="label" x="${(plot.left + plot.right) / 2}" y="${height - 6}" text-anchor="middle">${htmlText(labels.x)}</text>`,
    `<text class="label" transform="translate(13 ${middle}) rotate(-90)" text-anchor="middle">${htmlText(labels.y)}</text>`,
  ].join("\n");
}

function path(
  { name, color, points, filled = false }: Line,
  x: Scale,
  y: Scale,
  plot: Plot,
): string {
  const steps = points.map(([px, py]) => `${x.at(px).toFixed(1)} ${y.at(py).toFixed(1)}`);
  const line = `<path class="line c${color}" d="M${steps.join("L")}"><title>${htmlText(name)}</title></path>`;
  if (!filled) return points.length === 1 ? dot(points[0] as [number, number], color, x, y) : line;
  const [first, last] = [points[0] as [number, number], points.at(-1) as [number, number]];
  const area = `M${x.at(first[0]).toFixed(1)} ${plot.bottom}L${steps.join("L")}L${x.at(last[0]).toFixed(1)} ${plot.bottom}Z`;
  return `<path class="area c${color}" d="${area}"/>${line}`;
}

function dot([px, py]: readonly [number, number], color: number, x: Scale, y: Scale): string {
  return `<circle class="dot c${color}" cx="${x.at(px).toFixed(1)}" cy="${y.at(py).toFixed(1)}" r="3"/>`;
}

function legend(lines: readonly Line[]): string {
  const entries = lines.map(
    ({ name, color }) => `<span class="key c${color}">${htmlText(name)}</span>`,
  );
  return `<div class="legend">${entries.join("")}</div>`;
}

function figure(title: string, content: string): string {
  return `<figure><figcaption>${htmlText(title)}</figcaption>${content}</figure>`;
}

/** 12000 as 12k, 0.00002 as 2e-5. */
function shorten(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e6) return `${trim(value / 1e6)}M`;
  if (size >= 1e4) return `${trim(value / 1e3)}k`;
  if (size > 0 && size < 1e-3) return value.toExponential(0);
  return trim(value);
}

const trim = (value: number) => String(Number(value.toPrecision(4)));

/** Text as it may stand in HTML. */
export function htmlText(text: string): string {
  const entities: Record<string, string> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
  };
  return text.replace(/[&<>"]/g, (char) => entities[char] as string);
}
