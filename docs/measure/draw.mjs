/** Writes the tables and figures of docs/ from results/: `node docs/measure/draw.mjs`. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { curves, dots } from "./chart.mjs";

const docs = new URL("../", import.meta.url);
const read = (name) => {
  const url = new URL(`results/${name}.json`, import.meta.url);
  return existsSync(url) ? JSON.parse(readFileSync(url, "utf8")) : undefined;
};
const results = (group, data) => read(`${group}-${data}`);
const runsOf = (found, name) => Object.values(found?.runs[name] ?? {});
const mean = (list) => list.reduce((sum, v) => sum + v, 0) / list.length;
const pick = (found, name, key) => runsOf(found, name).map((run) => run[key]);

const percent = (share) => {
  const value = 100 * share;
  return `${value < 9.95 ? value.toFixed(1) : value.toFixed(0)} %`;
};
const span = (list, write) => {
  const [low, high] = [write(Math.min(...list)), write(Math.max(...list))];
  return low === high ? low : `${low.replace(" %", "")} - ${high}`;
};
const decibel = (list) => {
  if (list.length === 0) return "";
  const spread = (Math.max(...list) - Math.min(...list)) / 2;
  return list.length === 1 ? list[0].toFixed(2) : `${mean(list).toFixed(2)} ± ${spread.toFixed(2)}`;
};
const table = (head, rows) =>
  [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");

/** Puts `content` between the marks `<!-- measured: name -->` and `<!-- end -->` of a page. */
function place(page, name, content) {
  const url = new URL(page, docs);
  const begin = `<!-- measured: ${name} -->\n`;
  const [before, rest] = readFileSync(url, "utf8").split(begin);
  if (rest === undefined) throw new Error(`${page}: expected a mark for ${name}, got none`);
  const after = rest.slice(rest.indexOf("<!-- end -->"));
  writeFileSync(url, `${before}${begin}\n${content}\n\n${after}`);
}

function figure(name, svg) {
  mkdirSync(new URL("figures/", docs), { recursive: true });
  writeFileSync(new URL(`figures/${name}.svg`, docs), svg);
}

function drawFamilies() {
  const kinds = { shapes: "shapes", cifar: "CIFAR", speech: "speech" };
  const found = Object.entries(kinds).map(([kind, title]) => [title, results("families", kind)]);
  const steps = read("steps");
  const names = Object.keys(results("families", "cifar").runs);
  const [, cifar] = found[1];
  const rows = names.map((name) => [
    `\`${name.split(",")[0]}\`${name.slice(name.split(",")[0].length)}`,
    ...found.map(([, each]) => decibel(pick(each, name, "quality"))),
    span(pick(cifar, name, "used"), percent),
    span(pick(cifar, name, "perplexity"), percent),
    `${steps.rows[name].milliseconds.toFixed(1)} ms`,
    `${steps.rows[name].mebibytes} MiB`,
  ]);
  const head = ["quantizer", "shapes, dB", "CIFAR, dB", "speech, dB"];
  place(
    "choose-a-quantizer.md",
    "families",
    table([...head, "codes used", "perplexity", "step", "memory"], rows),
  );
  const panels = found.map(([title, each]) => ({
    title: `${title}, dB`,
    valuesOf: (name) => pick(each, name, "quality"),
  }));
  figure("families", dots("Quality of each family of quantizers at 10 bits", names, panels));
}

function drawSettings(found, mark) {
  const rows = Object.keys(found.runs).map((name) => [
    name,
    decibel(pick(found, name, "quality")),
    span(pick(found, name, "used"), percent),
    span(pick(found, name, "perplexity"), percent),
  ]);
  const head = ["setting", "PSNR, dB", "codes used", "perplexity"];
  place("choose-a-quantizer.md", mark, table(head, rows));
}

/** A curve of a run, a point for every so many steps. */
const curveOf = ({ curves: own }, key, steps) =>
  own[key].map((value, i) => [((i + 1) * steps) / own[key].length, value]);

function drawCommitment() {
  const found = results("commitment", "cifar");
  const names = Object.keys(found.runs);
  const rows = names.map((name) => {
    const runs = runsOf(found, name);
    const last = runs.map((run) => run.curves.loss.at(-1));
    const spread = runs.map((run) => run.spread);
    return [
      name,
      decibel(pick(found, name, "quality")),
      mean(last).toPrecision(2),
      mean(spread).toPrecision(2),
      name.startsWith("weight") ? percent(mean(last) / mean(spread) ** 2) : "", // others are no squares
      span(pick(found, name, "used"), percent),
    ];
  });
  const head = ["row", "PSNR, dB", "commitment loss at the end", "size of the vectors (rms)"];
  place("commitment-loss.md", "weights", table([...head, "loss / size^2", "codes used"], rows));
  const series = (key, suffix) =>
    ["0", "0.25", "1", "10"].map((weight) => {
      const [run] = runsOf(found, `weight ${weight}${suffix}`);
      return { name: `weight ${weight}`, points: curveOf(run, key, found.steps) };
    });
  for (const [name, suffix, title] of [
    ["commitment", "", "Commitment loss and PSNR in training, by weight"],
    [
      "commitment-plain",
      ", no normalisation",
      "Commitment loss and PSNR in training without normalisation, by weight",
    ],
  ]) {
    const panel = (key, label, log) => ({
      ...{ title: label, x: "step", log },
      series: series(key, suffix),
    });
    const panels = [panel("loss", "commitment loss", true), panel("psnr", "PSNR of the batch, dB")];
    figure(name, curves(title, panels));
  }
}

function byLayers(found, page, mark) {
  const names = Object.keys(found.runs);
  const most = Math.max(...names.map((name) => runsOf(found, name)[0].byLayers.length));
  const rows = names.map((name) => [
    name.replace(/^\w+/, "`$&`"),
    ...Array.from({ length: most }, (_, at) =>
      decibel(runsOf(found, name).map((run) => run.byLayers[at])),
    ),
  ]);
  const layers = Array.from({ length: most }, (_, at) => `${at + 1} layer${at ? "s" : ""}, dB`);
  place(page, mark, table(["quantizer", ...layers], rows));
}

drawFamilies();
drawSettings(results("settings", "cifar"), "settings");
drawSettings(results("codebook", "shapes"), "codebook");
drawSettings(results("gradients", "cifar"), "gradients");
drawSettings(results("candidates", "cifar"), "candidates");
drawCommitment();
byLayers(results("bounds", "cifar"), "residual-fsq-bounds.md", "training");
byLayers(results("residual", "cifar"), "choose-a-quantizer.md", "residual");
