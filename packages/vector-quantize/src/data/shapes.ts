import { checkInteger, VectorQuantizeError } from "../errors.ts";
import { type HostRandom, hostRandom } from "./hostRandom.ts";
import type { Images } from "./images.ts";
import { randomTexture, type Texture } from "./textures.ts";

/** Signed distance from a point to the edge of a shape of about unit size: below 0 inside. */
type Distance = (x: number, y: number) => number;

interface Shape {
  readonly distance: Distance;
  readonly texture: Texture;
  readonly x: number;
  readonly y: number;
  readonly size: number;
  readonly cos: number;
  readonly sin: number;
  /** Farther from the middle than this, on either axis, no pixel is covered. */
  readonly reach: number;
}

/** Share of a texture that a shape shows: with all of it, small shapes would be finer than a pixel. */
const grain = 0.6;

/** Most bytes of pixels. */
const mostBytes = 2 ** 32;

/** Options of `shapeImages`. */
export interface ShapesOptions {
  /** How many images. */
  count: number;
  /** Image `i` depends on the seed and on `i` alone. Default 0. */
  seed?: number;
  /** Height and width in pixels. Default 32. */
  size?: number;
}

/**
 * The built-in image set: coloured, textured shapes before a textured background.
 *
 * Varied enough that a codebook matters: gradients, stripes, checkers, dots and noise on circles,
 * polygons, stars, rings and crosses, at any place, size and angle.
 */
export function shapeImages({ count, seed = 0, size = 32 }: ShapesOptions): Images {
  checkInteger("shapeImages: count", count);
  checkInteger("shapeImages: seed", seed, 0);
  checkInteger("shapeImages: size", size, 4);
  const bytes = count * size * size * 3;
  if (bytes > mostBytes) {
    const got = `${count} x ${size} x ${size} x 3`;
    throw new VectorQuantizeError(
      `shapeImages: expected at most 4 GiB of pixels, got ${got} bytes`,
    );
  }
  const pixels = new Uint8Array(bytes);
  for (let i = 0; i < count; i++) {
    drawScene(pixels.subarray(i * size * size * 3), size, hostRandom(seed, i));
  }
  return { count, height: size, width: size, channels: 3, pixels };
}

function drawScene(pixels: Uint8Array, size: number, random: HostRandom): void {
  const background = randomTexture(random);
  const pixel = 2 / size;
  const shapes = Array.from({ length: 1 + random.below(3) }, () => randomShape(random, pixel));
  const color: [number, number, number] = [0, 0, 0];
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const x = (column + 0.5) * pixel - 1;
      const y = (row + 0.5) * pixel - 1;
      color.fill(0);
      blend(color, background, x, y, 1);
      for (const shape of shapes) {
        const u = ((x - shape.x) * shape.cos + (y - shape.y) * shape.sin) / shape.size;
        const v = ((y - shape.y) * shape.cos - (x - shape.x) * shape.sin) / shape.size;
        if (Math.abs(u) > shape.reach || Math.abs(v) > shape.reach) continue;
        // Half a pixel on either side of the edge is shared with what lies behind.
        const cover = 0.5 - (shape.distance(u, v) * shape.size) / pixel;
        if (cover > 0) {
          blend(color, shape.texture, u * grain, v * grain, Math.min(1, cover));
        }
      }
      const at = (row * size + column) * 3;
      for (let i = 0; i < 3; i++) pixels[at + i] = Math.round(color[i] as number);
    }
  }
}

function blend(
  color: [number, number, number],
  { pattern, from, to }: Texture,
  x: number,
  y: number,
  cover: number,
): void {
  const share = pattern(Math.min(1, Math.max(-1, x)), Math.min(1, Math.max(-1, y)));
  for (let i = 0; i < 3; i++) {
    const value = (from[i] as number) + ((to[i] as number) - (from[i] as number)) * share;
    color[i] = (color[i] as number) + (value - (color[i] as number)) * cover;
  }
}

function randomShape(random: HostRandom, pixel: number): Shape {
  const angle = random.between(0, 2 * Math.PI);
  const size = random.between(0.25, 0.75);
  return {
    distance: random.pick(outlines)(random),
    texture: randomTexture(random),
    x: random.between(-0.7, 0.7),
    y: random.between(-0.7, 0.7),
    size,
    cos: Math.cos(angle),
    sin: Math.sin(angle),
    reach: 1 + pixel / size,
  };
}

type MakeOutline = (random: HostRandom) => Distance;

const outlines: readonly [MakeOutline, ...MakeOutline[]] = [
  circle,
  ring,
  rectangle,
  polygon,
  star,
  cross,
];

function circle(): Distance {
  return (x, y) => Math.hypot(x, y) - 1;
}

function ring(random: HostRandom): Distance {
  const width = random.between(0.15, 0.35);
  return (x, y) => Math.abs(Math.hypot(x, y) - 0.8) - width;
}

function rectangle(random: HostRandom): Distance {
  const [a, b] = [random.between(0.3, 1), random.between(0.3, 1)];
  return (x, y) => Math.max(Math.abs(x) - a, Math.abs(y) - b);
}

/** A triangle, pentagon or hexagon: distance to the nearest side. */
function polygon(random: HostRandom): Distance {
  const sector = (2 * Math.PI) / random.pick([3, 5, 6]);
  return (x, y) => {
    const angle = Math.atan2(y, x);
    const fromMiddle = angle - sector * Math.round(angle / sector);
    return Math.hypot(x, y) * Math.cos(fromMiddle) - Math.cos(sector / 2);
  };
}

/** Soft points: the radius swings with the angle. */
function star(random: HostRandom): Distance {
  const points = 4 + random.below(4);
  const depth = random.between(0.15, 0.4);
  return (x, y) => Math.hypot(x, y) - (1 - depth) - depth * Math.cos(points * Math.atan2(y, x));
}

function cross(random: HostRandom): Distance {
  const width = random.between(0.2, 0.4);
  return (x, y) => {
    const [a, b] = [Math.abs(x), Math.abs(y)];
    return Math.max(Math.max(a, b) - 1, Math.min(a, b) - width);
  };
}
