import { chart, htmlText, type Line } from "./chart.ts";
import { script } from "./script.ts";
import { style } from "./style.ts";

/** One line of metrics.jsonl: means over the steps since the line before. */
export interface MetricLine {
  readonly step: number;
  /** Training time so far, in seconds. */
  readonly seconds: number;
  readonly loss: number;
  readonly reconstruction: number;
  readonly commitment: number;
  readonly psnr: number;
  /** The parts of the loss of sounds. */
  readonly waveform?: number;
  readonly mel?: number;
  readonly stft?: number;
  readonly perplexity: number;
  readonly usedCodes: number;
  readonly imagesPerSecond: number;
}

/** What an evaluation in the middle of a run found. */
export interface ValidationPoint {
  readonly step: number;
  readonly psnr?: number;
  readonly mel?: number;
}

/** What a run gets better in. */
export interface ScoreView {
  readonly title: string;
  readonly y: string;
  readonly lines: readonly {
    readonly name: string;
    readonly key: "psnr" | "waveform" | "mel" | "stft";
  }[];
  /** The value of an evaluation in the middle of a run. */
  readonly key: "psnr" | "mel";
}

/** A table: what its columns are called, and its rows. */
export interface Table {
  /** Whether the last of three columns explains the row. */
  readonly explained?: boolean;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Codes as pictures. */
export interface CodebookView {
  /** PNG. */
  readonly picture: Uint8Array;
  readonly words: string;
}

/** Originals beside what a model makes of them. */
export interface GalleryView {
  /** How to look at it or to listen to it. */
  readonly words: string;
  /** HTML. */
  readonly content: string;
}

/** What a report shows of pictures, or of sounds. */
export interface MediumReport {
  /** What the numbers are of. */
  readonly measured: string;
  /** The numbers reached, shown large: label and value. */
  readonly numbers: readonly (readonly [label: string, value: string])[];
  readonly score: ScoreView;
  /** How often each code was used in the evaluation. */
  readonly usage: ArrayLike<number>;
  readonly gallery: GalleryView;
  /** More of them, under headings of their own. */
  readonly tables?: readonly (readonly [heading: string, table: Table])[];
  readonly codebook?: CodebookView;
}

/** What a run leaves behind, ready to be shown. */
export interface Report extends MediumReport {
  readonly title: string;
  /** One sentence on data, steps and time. */
  readonly summary: string;
  readonly history: readonly MetricLine[];
  readonly validation: readonly ValidationPoint[];
  /** Where the time of a step goes, if that was measured. */
  readonly profile?: Table;
  /** What was set for the run, and what was as by default. */
  readonly set: Table;
  readonly defaults: Table;
  readonly layers: Table;
}

/** Nothing is loaded from anywhere. */
const policy =
  "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'";

/** The report as one HTML file that loads nothing. */
export function reportPage(report: Report): string {
  const { title, summary, measured, numbers, history, usage, codebook, tables = [] } = report;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${htmlText(title)}</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>${htmlText(title)}</h1>
<p class="summary">${htmlText(`${summary} ${measured}`)}</p>
<dl class="numbers">${numbers.map(([label, value]) => `<div><dt>${htmlText(label)}</dt><dd>${htmlText(value)}</dd></div>`).join("")}</dl>
<h2>Originals and reconstructions</h2>
<p>${htmlText(report.gallery.words)}</p>
${report.gallery.content}
${tables.map(([heading, each]) => `<h2>${htmlText(heading)}</h2>\n${table(each)}`).join("\n")}
<h2>Training</h2>
<p>Faint: means over a few steps. Strong: their running mean. Point at a chart, or move its slider, to read its values.</p>
<div class="charts">
${trainingCharts(report).join("\n")}
</div>
${folded("The same in numbers", historyTable(history, report.score))}
<h2>Code usage</h2>
${usageCharts(usage)}
${codebook ? codebookFigure(codebook) : ""}
${report.profile ? `<h2>Where the time of a step goes</h2>\n<p>Measured part by part, so without overlap.</p>\n${table(report.profile)}` : ""}
<h2>Configuration</h2>
${table(report.set)}
${folded("All else, as by default", table(report.defaults))}
${folded("The network, layer by layer", table(report.layers))}
</main>
<script>${script}</script>
</body>
</html>
`;
}

function table({ columns, rows, explained = false }: Table): string {
  const head = columns.map((name) => `<th scope="col">${htmlText(name)}</th>`).join("");
  const row = ([label = "", ...cells]: readonly string[]) =>
    `<tr><th scope="row">${htmlText(label)}</th>${cells.map((cell) => `<td>${htmlText(cell)}</td>`).join("")}</tr>`;
  return `<div class="scroll"><table${explained ? ' class="explained"' : ""}><thead><tr>${head}</tr></thead><tbody>${rows.map(row).join("\n")}</tbody></table></div>`;
}

const folded = (words: string, content: string) =>
  `<details><summary>${htmlText(words)}</summary>${content}</details>`;

/** Rows of the table of values, about. */
const historyRows = 20;

function historyTable(history: readonly MetricLine[], { lines }: ScoreView): string {
  const every = Math.max(1, Math.ceil(history.length / historyRows));
  // The last line always, and from it back.
  const chosen = history.filter((_, i) => (history.length - 1 - i) % every === 0);
  const number = (value: number) => String(Number(value.toPrecision(4)));
  return table({
    columns: [
      ...["step", "loss", "reconstruction", "commitment"],
      ...lines.map(({ name }) => name),
      ...["used codes", "perplexity"],
    ],
    rows: chosen.map((line) => [
      String(line.step),
      ...[line.loss, line.reconstruction, line.commitment].map(number),
      ...lines.map(({ key }) => number(line[key] ?? Number.NaN)),
      ...[line.usedCodes, line.perplexity].map(number),
    ]),
  });
}

function codebookFigure({ picture, words }: CodebookView): string {
  const source = `data:image/png;base64,${Buffer.from(picture).toString("base64")}`;
  return `<h2>Codebook</h2>
<p>${htmlText(words)}</p>
<img class="codebook" alt="Codebook: ${htmlText(words)}" src="${source}">`;
}

function trainingCharts({ history, validation, score }: Report): string[] {
  const line = (name: string, color: Line["color"], key: keyof MetricLine): Line => ({
    name,
    color,
    points: history.map((at) => [at.step, at[key] ?? Number.NaN] as const),
  });
  const colors = [2, 1, 3] as const;
  return [
    chart([line("total", 1, "loss"), line("reconstruction", 2, "reconstruction")], {
      title: "Loss",
      x: "step",
      y: "loss",
      logarithmic: true,
      smoothed: true,
    }),
    chart([line("commitment", 3, "commitment")], {
      title: "Commitment loss",
      x: "step",
      y: "commitment loss",
      logarithmic: true,
      smoothed: true,
    }),
    chart(
      [
        ...score.lines.map(({ name, key }, i) => line(name, colors[i] ?? 3, key)),
        ...validationLine(validation, score.key),
      ],
      { title: score.title, x: "step", y: score.y, fromZero: true, smoothed: true },
    ),
    chart([line("used codes", 1, "usedCodes"), line("perplexity", 3, "perplexity")], {
      title: "Codes in use",
      x: "step",
      y: "codes",
      fromZero: true,
      smoothed: true,
    }),
  ];
}

function validationLine(validation: readonly ValidationPoint[], key: ScoreView["key"]): Line[] {
  if (validation.length === 0) return [];
  const points = validation.map((at) => [at.step, at[key] ?? Number.NaN] as const);
  return [{ name: "held back", color: 3, points }];
}

/** Bars of the chart of uses, at most: of more codes, each is a mean over some. */
const mostBars = 512;

/** The chart of uses twice, for wide and for narrow pages: one of them is shown. */
function usageCharts(usage: ArrayLike<number>): string {
  const counts = Array.from(usage).sort((a, b) => b - a);
  const total = counts.reduce((sum, count) => sum + count, 0);
  const used = counts.filter((count) => count > 0).length;
  const bars = Math.min(counts.length, mostBars);
  const edge = (bar: number) => Math.round((bar * counts.length) / bars);
  // Steps, so that each code has a bar of its own width.
  const shares = Array.from({ length: bars }, (_, bar) => {
    const [from, to] = [edge(bar), edge(bar + 1)];
    const sum = counts.slice(from, to).reduce((a, b) => a + b, 0);
    const share = (100 * sum) / total / (to - from);
    return [[from, share] as const, [to, share] as const];
  });
  const even: Line = {
    name: "if all were used alike",
    color: 2,
    points: [
      [0, 100 / counts.length],
      [counts.length, 100 / counts.length],
    ],
  };
  const lines: Line[] = [
    { name: "share of each code in %", color: 1, points: shares.flat(), filled: true },
    even,
  ];
  const options = {
    title: `How often each code was used: ${used} of ${counts.length}, most used first`,
    x: "code, by rank",
    y: "share in %",
    fromZero: true,
  };
  return [
    `<div class="onlyWide">${chart(lines, { ...options, wide: true })}</div>`,
    `<div class="onlyNarrow">${chart(lines, options)}</div>`,
  ].join("\n");
}
