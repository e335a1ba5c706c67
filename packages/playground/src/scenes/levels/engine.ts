import { numpy as np, random, tree } from "@jax-js/jax";
import { fsq, type Quantizer, residualFSQ, type Variables } from "vector-quantize";
import type { Engine } from "../../engine/engine.ts";
import { cellsOf, createCellFinder } from "../../plane/cells.ts";
import { planeCodes } from "../../plane/planeCodes.ts";
import { pointsOf } from "../../plane/points.ts";
import { boundOf, rangeOf } from "./bounds.ts";
import {
  type LevelsSettings,
  type LevelsSnapshot,
  mostShownLayers,
  type Quantizing,
  type Way,
  ways,
} from "./contract.ts";

const count = 240;
/** The line of numbers goes from minus this to this. */
const lineReach = 4;
const lineCount = 481;

type Numbers = Float32Array<ArrayBuffer>;

/** A quantizer of levels, and how it bounds. */
interface Made {
  readonly way: Way | "fsq";
  readonly quantizer: Quantizer;
  readonly variables: Variables;
  readonly bound: (x: number, axis: number) => number;
}

function make(settings: LevelsSettings): Made[] {
  const levels = settings.options.levels as number[];
  const made = (way: Way | "fsq", quantizer: Quantizer): Made => ({
    way,
    quantizer,
    variables: quantizer.init(random.key(0)),
    bound: (x, axis) => boundOf(way, x, levels[axis] as number, settings.options),
  });
  if (settings.view === "fsq") return [made("fsq", fsq(settings.options as never) as never)];
  return ways.map((bounds) => {
    const options = { levels, numQuantizers: mostShownLayers, bounds };
    return made(bounds, residualFSQ(options) as never);
  });
}

const own = ({ variables }: Made) => tree.ref(variables as never) as Variables;

/** What comes out of the first `layers` layers for `points`. */
async function pass(made: Made, points: Numbers) {
  const rows = points.length / 2;
  const x = np.array(points.slice(), { shape: [rows, 2] });
  const { read, write } = planeCodes(made.quantizer);
  const encoded = await made.quantizer.encode(own(made), x);
  const indices = read((await encoded.data()) as Int32Array);
  const decode = async (layers: number): Promise<Numbers> => {
    const codes = indices.codes.filter((_, i) => i % indices.layers < layers);
    return Float32Array.from(
      await made.quantizer.decode(own(made), write({ layers, codes })).data(),
    );
  };
  return { indices, decode };
}

/** Every code of the first layer. */
async function gridOf(made: Made): Promise<Numbers> {
  const size = made.quantizer.codebookSizes[0] as number;
  const all = Int32Array.from({ length: size }, (_, code) => code);
  const indices = planeCodes(made.quantizer).write({ layers: 1, codes: all });
  return Float32Array.from(await made.quantizer.decode(own(made), indices).data());
}

const rms = (values: Numbers) =>
  Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);

async function quantize(
  made: Made,
  points: Numbers,
  settings: LevelsSettings,
): Promise<Quantizing> {
  const bounded = points.map((x, i) => made.bound(x, i % 2));
  const { indices, decode } = await pass(made, points);
  const all = made.way === "fsq" ? 1 : mostShownLayers;
  const shown = Math.min(settings.layers, all);
  const errors: number[] = [];
  let output: Numbers = bounded;
  for (let layers = 1; layers <= all; layers++) {
    const out = await decode(layers);
    errors.push(rms(out.map((value, i) => value - (bounded[i] as number))) / rms(bounded));
    if (layers === shown) output = out;
  }
  return {
    way: made.way,
    range: rangeOf(made.way, settings.options.levels as number[]),
    bounded,
    output,
    firstCode: cellsOf(indices, made.quantizer.codebookSizes).first,
    grid: await gridOf(made),
    line: await lineOf(made, shown),
    errors,
  };
}

/** The quantizer along the first axis. */
async function lineOf(made: Made, layers: number): Promise<Quantizing["line"]> {
  const input = Float32Array.from(
    { length: lineCount },
    (_, i) => lineReach * ((2 * i) / (lineCount - 1) - 1),
  );
  const onAxis = new Float32Array(2 * lineCount);
  for (const [i, x] of input.entries()) onAxis[2 * i] = x;
  const { decode } = await pass(made, onAxis);
  const out = await decode(layers);
  return {
    input,
    bounded: input.map((x) => made.bound(x, 0)),
    output: out.filter((_, i) => i % 2 === 0),
  };
}

/** Fixed levels and their bounds. Nothing is trained: as it plays, the spread of the points swings. */
export async function openLevels(settings: LevelsSettings): Promise<Engine<LevelsSnapshot>> {
  let now = settings;
  let made = make(settings);
  let points = pointsOf(now.shape, count, now.seed, now.drawn);
  const findCells = createCellFinder(3);
  let step = 0;

  return {
    async step() {
      step++;
    },
    async snapshot() {
      const spread = now.spread * 2 ** Math.sin((step * 2 * Math.PI) / 120);
      const spreadPoints = points.map((value) => value * spread);
      const found: Quantizing[] = [];
      for (const each of made) found.push(await quantize(each, spreadPoints, now));
      const [first] = made;
      const cells =
        now.view === "fsq" && first ? await findCells(first.quantizer, first.variables) : undefined;
      return { points: spreadPoints, spread, found, ...(cells && { cells }) };
    },
    async change(given) {
      const next = given as unknown as LevelsSettings;
      const fresh = make(next);
      for (const { variables } of made) tree.dispose(variables as never);
      made = fresh;
      now = next;
      points = pointsOf(now.shape, count, now.seed, now.drawn);
      return true;
    },
    dispose() {
      for (const { variables } of made) tree.dispose(variables as never);
    },
  };
}
