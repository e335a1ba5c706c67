import { hostRandom } from "vector-quantize/data";
import { letters, reach, type Shape } from "./plane.ts";

type Random = ReturnType<typeof hostRandom>;
type Point = readonly [number, number];

/** A normal number, by Box and Muller. */
const normal = (random: Random) =>
  Math.sqrt(-2 * Math.log(1 - random.uniform())) * Math.cos(2 * Math.PI * random.uniform());

const around = (random: Random, [x, y]: Point, spread: number): Point => [
  x + spread * normal(random),
  y + spread * normal(random),
];

const middles: readonly Point[] = [
  [-0.85, 0.7],
  [0.15, 0.95],
  [0.95, 0.35],
  [-0.35, -0.15],
  [0.55, -0.75],
  [-0.9, -0.85],
];

const makers: Readonly<Record<Exclude<Shape, "drawn">, (random: Random, i: number) => Point>> = {
  blobs: (random, i) => around(random, middles[i % middles.length] as Point, 0.16),
  rings(random, i) {
    const angle = random.between(0, 2 * Math.PI);
    const radius = i % 3 === 0 ? 0.45 : 1.1;
    return around(random, [radius * Math.cos(angle), radius * Math.sin(angle)], 0.06);
  },
  moons(random, i) {
    const angle = random.between(0, Math.PI);
    const [x, y] = [Math.cos(angle), Math.sin(angle)];
    return around(random, i % 2 === 0 ? [x - 0.4, y - 0.25] : [0.5 - x, 0.35 - y], 0.08);
  },
  spiral(random) {
    const turn = Math.sqrt(random.uniform());
    const angle = 4.5 * Math.PI * turn;
    return around(random, [1.25 * turn * Math.cos(angle), 1.25 * turn * Math.sin(angle)], 0.04);
  },
  square: (random) => [random.between(-1.1, 1.1), random.between(-1.1, 1.1)],
};

/** `count` points of a shape, x and y in turn; drawn ones are as many as were drawn. */
export function pointsOf(
  shape: Shape,
  count: number,
  seed: number,
  drawn = "",
): Float32Array<ArrayBuffer> {
  if (shape === "drawn") {
    const points = drawnPoints(drawn);
    return points.length > 0 ? points : pointsOf("blobs", count, seed);
  }
  const random = hostRandom(seed);
  const points = Array.from({ length: count }, (_, i) => makers[shape](random, i));
  return Float32Array.from(points.flat());
}

/** The points of such letters, each somewhere in its place of the grid. */
export function drawnPoints(drawn: string): Float32Array<ArrayBuffer> {
  const random = hostRandom(1);
  const places = [...drawn].map((letter) => letters.indexOf(letter)).filter((at) => at >= 0);
  const whole = places.slice(0, places.length - (places.length % 2));
  return Float32Array.from(
    whole,
    (at) => ((at + random.uniform()) / letters.length) * 2 * reach - reach,
  );
}
