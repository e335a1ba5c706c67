import { hostRandom } from "vector-quantize/data";
import { expect, test } from "vitest";
import { tone } from "../../../../../test/support/wav.ts";
import { likenessMeter, melFilters, siSdrOf } from "./likeness.ts";
import { delayOf } from "./otherCodecs.ts";
import { fourier, spectraOf } from "./spectrum.ts";

const random = hostRandom(3, 0);
const noise = (length: number, loud: number) =>
  Float32Array.from({ length }, () => loud * (2 * random.uniform() - 1));
const plus = (a: Float32Array, b: Float32Array, scale = 1) =>
  a.map((value, i) => value + scale * (b[i] as number));

test("Fourier's transform is that of its sum", () => {
  const size = 16;
  const [x, y] = [noise(size, 1), noise(size, 1)];
  const [real, imaginary] = [Float64Array.from(x), Float64Array.from(y)];
  fourier(size)(real, imaginary);
  for (let k = 0; k < size; k++) {
    let [re, im] = [0, 0];
    for (let n = 0; n < size; n++) {
      const [c, s] = [
        Math.cos((2 * Math.PI * k * n) / size),
        Math.sin((2 * Math.PI * k * n) / size),
      ];
      re += (x[n] as number) * c + (y[n] as number) * s;
      im += (y[n] as number) * c - (x[n] as number) * s;
    }
    expect(real[k]).toBeCloseTo(re, 10);
    expect(imaginary[k]).toBeCloseTo(im, 10);
  }
});

test("a sine of amplitude 1 has magnitude 1, at its frequency", () => {
  const { bins, magnitudes, frames } = spectraOf(tone(1000, 1, 8000, 1), 256);
  expect([frames, bins]).toEqual([126, 129]);
  const frame = magnitudes.subarray(60 * bins, 61 * bins);
  expect(frame.indexOf(Math.max(...frame))).toBe(32);
  expect(frame[32]).toBeCloseTo(1, 3);
});

test("SI-SDR knows no loudness, and tells the noise", () => {
  const sound = tone(440, 0.5);
  expect(
    siSdrOf(
      sound,
      sound.map((value) => 0.1 * value),
    ),
  ).toBe(100);
  const other = noise(sound.length, 0.05); // 0.5^2 / 2 over 0.05^2 / 3
  expect(siSdrOf(sound, plus(sound, other))).toBeCloseTo(10 * Math.log10(150), 0);
  expect(siSdrOf(new Float32Array(9), noise(9, 1))).toBeUndefined();
  expect(siSdrOf(sound, new Float32Array(sound.length))).toBe(-100);
});

test("distances are 0 of what is the same, and grow with the noise", () => {
  const sound = plus(tone(440, 0.5), tone(1300, 0.5), 0.5);
  const other = noise(sound.length, 1);
  const of = (made: Float32Array) => {
    const meter = likenessMeter(8000);
    meter.add(sound, made);
    return meter.means();
  };
  expect(of(sound)).toEqual({ siSdr: 100, logSpectral: 0, mel: 0 });
  const levels = [0.001, 0.01, 0.1].map((scale) => of(plus(sound, other, scale)));
  for (const key of ["logSpectral", "mel"] as const) {
    expect(levels.map((each) => each[key])).toEqual(levels.map((each) => each[key]).sort());
    expect(levels[0]?.[key]).toBeGreaterThan(0);
  }
  // Twice as loud: 0.301 more of each logarithm, 6.02 dB, where nothing is below the floor.
  const loud = of(sound.map((value) => 2 * value));
  expect(loud.mel).toBeLessThanOrEqual(0.3011);
  expect(loud.logSpectral).toBeLessThanOrEqual(6.03);
});

test("every mel band meets a frequency", () => {
  for (const [rate, size] of [
    [8000, 256],
    [24000, 1024],
    [4000, 128],
  ] as const) {
    for (const { first, weights } of melFilters(rate, size)) {
      expect(weights.reduce((sum, weight) => sum + weight, 0)).toBeGreaterThan(0);
      expect(first + weights.length).toBeLessThanOrEqual(size / 2 + 2);
    }
  }
});

test("a delay is found", () => {
  const sound = plus(tone(200, 0.5), noise(4000, 0.2)).map((value, i) =>
    i % 2000 < 900 ? value : 0,
  );
  const later = new Float32Array(4200);
  later.set(sound, 120);
  expect(Math.abs(delayOf(sound, later, 800) - 120)).toBeLessThanOrEqual(4);
});
