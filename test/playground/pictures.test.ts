/**
 * What the scenes of the playground show: each is run here, and what it draws is compared with the
 * picture that is kept. `PICTURES=write npx vitest run test/playground/pictures.test.ts` keeps new ones.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { withDefaults } from "../../packages/playground/src/app/link.ts";
import { darkPalette, lightPalette } from "../../packages/playground/src/drawing/colors.ts";
import type { Pen } from "../../packages/playground/src/drawing/pen.ts";
import { svgPen } from "../../packages/playground/src/drawing/svgPen.ts";
import type { Engine } from "../../packages/playground/src/engine/engine.ts";
import { drawCodebook } from "../../packages/playground/src/scenes/codebook/draw.ts";
import { openCodebook } from "../../packages/playground/src/scenes/codebook/engine.ts";
import { kinds } from "../../packages/playground/src/scenes/codebook/kinds.ts";
import { drawCommitment } from "../../packages/playground/src/scenes/commitment/draw.ts";
import { openCommitment } from "../../packages/playground/src/scenes/commitment/engine.ts";
import { drawPair } from "../../packages/playground/src/scenes/images/draw.ts";
import { openImages } from "../../packages/playground/src/scenes/images/engine.ts";
import {
  drawInputs,
  drawLine,
  drawOutputs,
} from "../../packages/playground/src/scenes/levels/draw.ts";
import { openLevels } from "../../packages/playground/src/scenes/levels/engine.ts";
import { scenes } from "../../packages/playground/src/scenes/list.ts";
import type { SpeechSnapshot } from "../../packages/playground/src/scenes/speech/contract.ts";
import { drawSpectrogram } from "../../packages/playground/src/scenes/speech/draw.ts";
import { openSpeech } from "../../packages/playground/src/scenes/speech/engine.ts";
import { root } from "../support/paths.ts";

const kept = join(root, "test/playground/pictures");
const writes = process.env.PICTURES === "write";

/** Pixels by which a number may differ, and of colours: machines round differently. */
const tolerance = 3;
/** The share of lines that may differ by more: a point on an edge takes the other colour. */
const mostOther = 0.05;

const numbers = /-?\d+(?:\.\d+)?/g;

/** Whether a line of a picture says about the same. */
function alike(a: string, b: string): boolean {
  if (a.replace(numbers, "#") !== b.replace(numbers, "#")) return false;
  const [before, after] = [a, b].map((line) => (line.match(numbers) ?? []).map(Number));
  return before!.every((value, i) => Math.abs(value - after![i]!) <= tolerance);
}

/** Compares a drawing with the one that is kept; both can be looked at if they differ. */
function expectPicture(name: string, svg: string): void {
  const file = join(kept, `${name}.svg`);
  if (writes) writeFileSync(file, svg);
  const before = readFileSync(file, "utf8");
  const [old, now] = [before.split("\n"), svg.split("\n")];
  const other = now.filter((line, i) => !alike(line, old[i] ?? "")).length;
  if (old.length === now.length && other <= mostOther * now.length) return;
  const page = join(tmpdir(), `${name}.html`);
  const image = (text: string) =>
    `<img alt="" src="data:image/svg+xml,${encodeURIComponent(text)}">`;
  const body = `<title>${name}</title>old ${image(before)} new ${image(svg)}`;
  writeFileSync(page, `<!doctype html>${body}`);
  expect.fail(
    `${name}: ${other} of ${now.length} lines changed. Old and new beside each other: ${page}`,
  );
}

/** Runs a scene from its usual settings and these, and draws it. */
async function picture<Snapshot>(
  title: string,
  open: (settings: never) => Promise<Engine<Snapshot>>,
  settings: object,
  steps: number,
  draw: (pen: Pen, snapshot: Snapshot) => void,
  { width = 420, height = 420, colors = lightPalette } = {},
): Promise<string> {
  const engine = await open(settings as never);
  try {
    for (let i = 0; i < steps; i++) await engine.step?.();
    const pen = svgPen(title, width, height);
    draw(pen, await engine.snapshot());
    return pen.svg(colors.ground);
  } finally {
    engine.dispose();
  }
}

const usual = (id: string, some: object = {}) =>
  withDefaults(some as never, scenes.find((scene) => scene.id === id)!.defaults);

test("a codebook that has left its corner", async () => {
  const svg = await picture(
    "Codes that have left their corner",
    openCodebook,
    usual("codebook"),
    12,
    (pen, snapshot) => drawCodebook(pen, lightPalette, snapshot),
  );
  expectPicture("codebook", svg);
});

test("layers of codes as a tree", async () => {
  const options = { dim: 2, codebookSize: 6, numQuantizers: 2, thresholdEmaDeadCode: 5 };
  const settings = { ...usual("codebook", { quantizer: "residualVQ", shape: "rings" }), options };
  const svg = await picture(
    "Layers of codes as a tree",
    openCodebook,
    settings,
    10,
    (pen, snapshot) => drawCodebook(pen, lightPalette, snapshot),
  );
  expectPicture("tree", svg);
});

test("a codebook for each axis", async () => {
  const { options } = kinds.groupedResidualVQ!;
  const settings = {
    ...usual("codebook"),
    quantizer: "groupedResidualVQ",
    start: "kmeans",
    options,
  };
  const svg = await picture(
    "A codebook for each axis",
    openCodebook,
    settings,
    5,
    (pen, snapshot) => drawCodebook(pen, lightPalette, snapshot),
  );
  expectPicture("groups", svg);
});

test("the two forces on a vector", async () => {
  const svg = await picture(
    "The two forces on each vector",
    openCommitment,
    usual("commitment"),
    25,
    (pen, snapshot) => drawCommitment(pen, darkPalette, snapshot, { homes: true, forces: true }),
    { colors: darkPalette },
  );
  expectPicture("commitment", svg);
});

test("the cells of FSQ, its grid and its stairs", async () => {
  const inputs = await picture(
    "The cells of FSQ",
    openLevels,
    usual("levels"),
    10,
    (pen, snapshot) => drawInputs(pen, lightPalette, snapshot),
  );
  expectPicture("fsq", inputs);
  const outputs = await picture(
    "The grid of FSQ",
    openLevels,
    usual("levels"),
    10,
    (pen, { found }) => drawOutputs(pen, lightPalette, found[0]!),
  );
  expectPicture("fsq-grid", outputs);
});

test("the bounds of ResidualFSQ", async () => {
  const settings = usual("levels", { view: "residual", layers: 2 });
  const stairs = (
    pen: Pen,
    snapshot: Awaited<ReturnType<Awaited<ReturnType<typeof openLevels>>["snapshot"]>>,
  ) => {
    for (const [i, found] of snapshot.found.entries()) {
      const part = { width: 210, height: 190 };
      drawLine({ ...shifted(pen, i * 210), ...part }, lightPalette, found);
    }
  };
  expectPicture(
    "bounds",
    await picture("Bounds of ResidualFSQ", openLevels, settings, 0, stairs, {
      width: 840,
      height: 190,
    }),
  );
});

test("the spectrogram of two layers of a voice", async () => {
  const options = { codebookSize: 32, numQuantizers: 3 };
  const settings = { ...usual("speech"), options };
  const title = "Two layers of codes of a voice";
  const draw = (pen: Pen, { decoded, seconds }: SpeechSnapshot) =>
    drawSpectrogram(byPixel(pen), lightPalette, decoded, seconds);
  const svg = await picture(title, openSpeech, settings, 3, draw, { width: 420, height: 250 });
  expectPicture("speech", svg);
});

test("a picture and what its codes give back", async () => {
  const settings = usual("images", { patch: 4 });
  const svg = await picture(
    "A picture and what its codes give back",
    openImages,
    settings,
    30,
    (pen, { shown }) => drawPair(pen, shown, 4),
    {
      width: 256,
      height: 128,
    },
  );
  expectPicture("images", svg);
});

/** A pen to which every place of a grid is an element: of many colours, none of which has a meaning. */
const byPixel = (pen: Pen): Pen => ({
  ...pen,
  image: (rgba, columns, area) => pen.image(rgba, columns, area, true),
});

/** A pen that draws further to the right. */
function shifted(pen: Pen, by: number): Pen {
  const move = (points: ArrayLike<number>) =>
    Array.from(points, (value, i) => value + (i % 2 === 0 ? by : 0));
  return {
    ...pen,
    dots: (points, radius, look) => pen.dots(move(points), radius, look),
    lines: (from, to, look) => pen.lines(move(from), move(to), look),
    path: (points, look, closed) => pen.path(move(points), look, closed),
    text: (x, y, text, look) => pen.text(x + by, y, text, look),
    within: (area, draw) => pen.within({ ...area, x: area.x + by }, draw),
  };
}
