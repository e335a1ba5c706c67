import { chart, htmlText, type Line } from "./chart.ts";
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
  readonly perplexity: number;
  readonly usedCodes: number;
  readonly imagesPerSecond: number;
}

/** What an evaluation in the middle of a run found, of what the report shows. */
export interface ValidationPoint {
  readonly step: number;
  readonly psnr: number;
}

/** What a run leaves behind, ready to be shown. */
export interface Report {
  readonly title: string;
  /** One sentence on data, steps and time. */
  readonly summary: string;
  /** The numbers reached, shown large: label and value. */
  readonly numbers: readonly (readonly [label: string, value: string])[];
  readonly history: readonly MetricLine[];
  readonly validation: readonly ValidationPoint[];
  /** Where the time of a step goes, if that was measured: part and time. */
  readonly profile: readonly (readonly [part: string, time: string])[];
  /** How often each code was used in the evaluation. */
  readonly usage: ArrayLike<number>;
  /** Whether the pairs were held back from training. */
  readonly held: boolean;
  /** PNG files: an original and its reconstruction. */
  readonly pairs: readonly (readonly [original: Uint8Array, reconstruction: Uint8Array])[];
  /** Options and model, as text lines: label and value. */
  readonly configuration: readonly (readonly [label: string, value: string])[];
}

/** The report as one HTML file that loads nothing and runs nothing. */
export function reportPage(report: Report): string {
  const { title, summary, numbers, history, usage, held, pairs, configuration } = report;
  const { validation, profile } = report;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${htmlText(title)}</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>${htmlText(title)}</h1>
<p class="summary">${htmlText(summary)}</p>
<dl class="numbers">${numbers.map(([label, value]) => `<div><dt>${htmlText(label)}</dt><dd>${htmlText(value)}</dd></div>`).join("")}</dl>
<h2>Originals and reconstructions</h2>
<p>Left the original, right what the decoder makes of its codes.${held ? " None of them was trained on." : ""}</p>
<div class="pairs">${pairs.map(pair).join("\n")}</div>
<h2>Training</h2>
<p>Faint: means over a few steps. Strong: their running mean.</p>
<div class="charts">
${trainingCharts(history, validation).join("\n")}
</div>
<h2>Code usage</h2>
${usageChart(usage)}
${profile.length === 0 ? "" : `<h2>Where the time of a step goes</h2>\n<p>Measured part by part, so without overlap.</p>\n${table(profile)}`}
<h2>Configuration</h2>
${table(configuration)}
</main>
</body>
</html>
`;
}

function table(rows: Report["configuration"]): string {
  const row = ([label, value]: readonly [string, string]) =>
    `<tr><th>${htmlText(label)}</th><td>${htmlText(value)}</td></tr>`;
  return `<table>${rows.map(row).join("\n")}</table>`;
}

function trainingCharts(
  history: readonly MetricLine[],
  validation: readonly ValidationPoint[],
): string[] {
  const line = (name: string, color: Line["color"], key: keyof MetricLine): Line => ({
    name,
    color,
    points: history.map((at) => [at.step, at[key]] as const),
  });
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
    chart([line("PSNR", 2, "psnr"), ...validationLine(validation)], {
      title: "PSNR",
      x: "step",
      y: "PSNR in dB",
      smoothed: true,
    }),
    chart([line("used codes", 1, "usedCodes"), line("perplexity", 3, "perplexity")], {
      title: "Codes in use",
      x: "step",
      y: "codes",
      smoothed: true,
    }),
  ];
}

function validationLine(validation: readonly ValidationPoint[]): Line[] {
  if (validation.length === 0) return [];
  const points = validation.map(({ step, psnr }) => [step, psnr] as const);
  return [{ name: "held back", color: 3, points }];
}

function usageChart(usage: ArrayLike<number>): string {
  const counts = Array.from(usage).sort((a, b) => b - a);
  const total = counts.reduce((sum, count) => sum + count, 0);
  const used = counts.filter((count) => count > 0).length;
  // Steps, so that each code has a bar of its own width.
  const bars = counts.flatMap((count, rank) => [
    [rank, (100 * count) / total] as const,
    [rank + 1, (100 * count) / total] as const,
  ]);
  const even: Line = {
    name: "if all were used alike",
    color: 2,
    points: [
      [0, 100 / counts.length],
      [counts.length, 100 / counts.length],
    ],
  };
  const svg = chart([{ name: "share of each code", color: 1, points: bars, filled: true }, even], {
    title: `How often each code was used: ${used} of ${counts.length}, most used first`,
    x: "code, by rank",
    y: "share in %",
    fromZero: true,
  });
  return `<div class="charts wide">${svg}</div>`;
}

function pair([original, reconstruction]: readonly [Uint8Array, Uint8Array]): string {
  return `<span>${image(original, "original")}${image(reconstruction, "reconstruction")}</span>`;
}

function image(png: Uint8Array, alt: string): string {
  return `<img alt="${alt}" src="data:image/png;base64,${Buffer.from(png).toString("base64")}">`;
}
