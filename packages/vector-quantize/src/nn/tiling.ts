import { checkInteger, expected } from "../errors.ts";
import type { Layer } from "./layer.ts";
import type { AxisReach } from "./reach.ts";

/** From `from` on, up to `to` without it. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** A tile of an image along one axis. */
export interface TileAlong {
  /** What the layers are shown. */
  readonly input: Span;
  /** What they make of it, as places of the whole output. The rest of it is wrong. */
  readonly output: Span;
  /** How many outputs they make in front of these. */
  readonly skip: number;
}

/** What layers make of images, piece by piece. `0` is down, `1` across. */
export interface Tiling {
  /** Sides of an image must be multiples of these, `[down, across]`. */
  readonly down: readonly [number, number];
  /** An output's sides are the image's, divided by `down` and times `up`. */
  readonly up: readonly [number, number];
  /** Whether every output depends on the whole image: then there is one tile. */
  readonly whole: boolean;
  /**
   * Tiles along an axis, whose outputs are those of the whole image, to the bit on a CPU.
   *
   * @param length of the image; a multiple of `down`
   * @param most pixels of a tile, but for what it must see around itself
   */
  along(axis: 0 | 1, length: number, most: number): TileAlong[];
}

type Step = AxisReach | { readonly inside: readonly Step[] };

/** `up / down`. */
interface Scale {
  readonly up: number;
  readonly down: number;
}

/**
 * How images can be taken through layers in tiles. Undefined if a layer doesn't tell how far it sees:
 * one of one's own. Layers of series `[B, T, C]` have time as axis 0.
 *
 * ```ts
 * import { imageAutoencoder, tilingOf } from "vector-quantize/nn";
 *
 * const model = imageAutoencoder({ patch: 4 });
 * const [first] = tilingOf(model.layers.encoder)?.along(1, 4096, 512) ?? [];
 * // { input: { from: 0, to: 528 }, output: { from: 0, to: 128 }, skip: 0 }
 * ```
 */
export function tilingOf(layers: readonly Layer[]): Tiling | undefined {
  const steps = [stepsOf(layers, 0), stepsOf(layers, 1)] as const;
  const [vertical, horizontal] = steps;
  if (vertical === undefined || horizontal === undefined) return undefined;
  const scales = [scaleOf(vertical), scaleOf(horizontal)] as const;
  return {
    down: [scales[0].down, scales[1].down],
    up: [scales[0].up, scales[1].up],
    whole: steps.some((each) => !Number.isFinite(spanOf(each as Step[], { from: 0, to: 1 }).to)),
    along: (axis, length, most) => tilesAlong(steps[axis] as Step[], scales[axis], length, most),
  };
}

function stepsOf(layers: readonly Layer[], axis: 0 | 1): Step[] | undefined {
  const steps: Step[] = [];
  for (const { reach } of layers) {
    if (reach === undefined) return undefined;
    if (!("inside" in reach)) {
      steps.push(reach[axis]);
      continue;
    }
    const inside = stepsOf(reach.inside, axis);
    if (inside === undefined) return undefined;
    steps.push({ inside });
  }
  return steps;
}

function tilesAlong(
  steps: readonly Step[],
  { up, down }: Scale,
  length: number,
  most: number,
): TileAlong[] {
  checkInteger("tiling: most", most);
  checkInteger("tiling: length", length);
  if (length % down !== 0) throw expected("tiling: length", `a multiple of ${down}`, length);
  const count = Math.ceil(length / most);
  const unit = unitOf(steps);
  const step = Math.ceil(length / count / unit) * unit;
  const tiles: TileAlong[] = [];
  for (let from = 0; from < length; from += step) {
    const to = Math.min(length, from + step);
    const output = { from: (from * up) / down, to: (to * up) / down };
    const seen = spanOf(steps, output);
    const input = {
      from: Math.max(0, Math.floor(seen.from / unit) * unit),
      to: Math.min(length, Math.ceil(seen.to / unit) * unit),
    };
    if (input.from === 0 && input.to === length) return [wholeTile(length, { up, down })];
    tiles.push({ input, output, skip: ((from - input.from) * up) / down });
  }
  return tiles;
}

function wholeTile(length: number, { up, down }: Scale): TileAlong {
  return {
    input: { from: 0, to: length },
    output: { from: 0, to: (length * up) / down },
    skip: 0,
  };
}

/** The inputs that outputs are made of; they may lie outside of the image. */
function spanOf(steps: readonly Step[], output: Span): Span {
  let { from, to } = output;
  for (const step of [...steps].reverse()) {
    if ("inside" in step) {
      const inside = spanOf(step.inside, { from, to });
      [from, to] = [Math.min(from, inside.from), Math.max(to, inside.to)];
      continue;
    }
    const { together } = step;
    [from, to] = [Math.floor(from / together) * together, Math.ceil(to / together) * together];
    from = Math.floor((from * step.down - step.before) / step.up);
    to = Math.ceil((to * step.down + step.after) / step.up);
  }
  return { from, to };
}

/** The scale of all steps, `down` such that the sides between them are whole too. */
function scaleOf(steps: readonly Step[]): Scale {
  const start = { up: 1, down: 1 };
  const { up, down } = steps.reduce<Scale>(
    (so, step) => ("inside" in step ? so : scaled(so, step)),
    start,
  );
  const sides = unitOf(steps, start, false);
  return { up: (up * sides) / down, down: sides };
}

/** One scale after another, in lowest terms. */
function scaled(scale: Scale, by: Scale): Scale {
  const [up, down] = [scale.up * by.up, scale.down * by.down];
  const common = divisor(up, down);
  return { up: up / common, down: down / common };
}

/**
 * The pixels that tiles must begin at multiples of: then they begin at a place of every layer's, and at the
 * first of those that it computes `together`.
 */
function unitOf(
  steps: readonly Step[],
  before: Scale = { up: 1, down: 1 },
  together = true,
): number {
  let [unit, scale] = [1, before];
  for (const step of steps) {
    if ("inside" in step) {
      unit = multiple(unit, unitOf(step.inside, scale, together));
      continue;
    }
    scale = scaled(scale, step);
    const wanted = scale.down * (together ? step.together : 1);
    unit = multiple(unit, wanted / divisor(wanted, scale.up));
  }
  return unit;
}

const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b));
const multiple = (a: number, b: number): number => (a / divisor(a, b)) * b;
