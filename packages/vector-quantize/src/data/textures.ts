import type { HostRandom } from "./hostRandom.ts";

/** Red, green and blue from 0 to 255. */
export type Color = readonly [number, number, number];

/** How much of the second of two colours there is at a point of [-1, 1] x [-1, 1]: 0 to 1. */
type Pattern = (x: number, y: number) => number;

/** A pattern in two colours. */
export interface Texture {
  readonly pattern: Pattern;
  readonly from: Color;
  readonly to: Color;
}

/** A random pattern in two random colours. */
export function randomTexture(random: HostRandom): Texture {
  const pattern = random.pick(patterns)(random);
  return { pattern, from: randomColor(random), to: randomColor(random) };
}

const patterns: readonly [MakePattern, ...MakePattern[]] = [
  plain,
  linearGradient,
  radialGradient,
  stripes,
  checkers,
  dots,
  noise,
];

type MakePattern = (random: HostRandom) => Pattern;

function plain(): Pattern {
  return () => 0;
}

function linearGradient(random: HostRandom): Pattern {
  const [dx, dy] = direction(random);
  return (x, y) => clamp(0.5 + 0.4 * (x * dx + y * dy));
}

function radialGradient(random: HostRandom): Pattern {
  const [cx, cy] = [random.between(-1, 1), random.between(-1, 1)];
  const scale = 1 / random.between(0.8, 2);
  return (x, y) => clamp(scale * Math.hypot(x - cx, y - cy));
}

/** Soft or hard bands, straight or wavy. */
function stripes(random: HostRandom): Pattern {
  const [dx, dy] = direction(random);
  const frequency = random.between(4, 16);
  const wave = random.pick([0, 0, random.between(0.1, 0.3)]);
  const hardness = random.pick([1, 6]);
  return (x, y) => {
    const along = x * dx + y * dy + wave * Math.sin(4 * (y * dx - x * dy));
    return clamp(0.5 + 0.5 * hardness * Math.sin(frequency * along));
  };
}

function checkers(random: HostRandom): Pattern {
  const [dx, dy] = direction(random);
  const frequency = random.between(1.5, 4);
  return (x, y) => {
    const u = Math.floor(frequency * (x * dx + y * dy));
    const v = Math.floor(frequency * (y * dx - x * dy));
    return (u + v) & 1;
  };
}

function dots(random: HostRandom): Pattern {
  const [dx, dy] = direction(random);
  const frequency = random.between(1.5, 4);
  const radius = random.between(0.2, 0.4);
  return (x, y) => {
    const u = frequency * (x * dx + y * dy);
    const v = frequency * (y * dx - x * dy);
    const distance = Math.hypot(u - Math.round(u), v - Math.round(v));
    return clamp(0.5 + 4 * (radius - distance));
  };
}

/** Value noise: random numbers on a grid, smoothly joined. */
function noise(random: HostRandom): Pattern {
  const cells = 3 + random.below(8);
  const side = cells + 2;
  const grid = Float32Array.from({ length: side * side }, () => random.uniform());
  return (x, y) => {
    const u = (x * 0.5 + 0.5) * cells;
    const v = (y * 0.5 + 0.5) * cells;
    const [i, j] = [Math.floor(u), Math.floor(v)];
    const [s, t] = [smooth(u - i), smooth(v - j)];
    const at = j * side + i;
    const upper = lerp(grid[at] as number, grid[at + 1] as number, s);
    const lower = lerp(grid[at + side] as number, grid[at + side + 1] as number, s);
    return lerp(upper, lower, t);
  };
}

function direction(random: HostRandom): [number, number] {
  const angle = random.between(0, 2 * Math.PI);
  return [Math.cos(angle), Math.sin(angle)];
}

/** Any hue, from pale to strong and from dark to light. */
function randomColor(random: HostRandom): Color {
  const hue = random.between(0, 6);
  const strength = random.uniform();
  const light = random.between(40, 255);
  const channel = (offset: number) => {
    const share = clamp(Math.abs(((hue + offset) % 6) - 3) - 1);
    return light * (1 - strength * (1 - share));
  };
  return [channel(0), channel(4), channel(2)];
}

const clamp = (value: number) => Math.min(1, Math.max(0, value));
const smooth = (t: number) => t * t * (3 - 2 * t);
const lerp = (a: number, b: number, t: number) => a + (b - a) * t;
