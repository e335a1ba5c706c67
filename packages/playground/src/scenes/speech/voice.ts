import { hostRandom } from "vector-quantize/data";

/** Resonances of the mouth for some vowels, in Hz. */
const vowels = [
  [730, 1090, 2440],
  [530, 1840, 2480],
  [270, 2290, 3010],
  [570, 840, 2410],
  [300, 870, 2240],
] as const;
const seconds = 6;
const syllable = 0.3;

/** A made-up voice: pulses of a gliding pitch through resonances, a hiss between some syllables. */
export function voice(rate: number): Float32Array<ArrayBuffer> {
  const random = hostRandom(4);
  const samples = new Float32Array(seconds * rate);
  const poles = [0, 1, 2].map(() => ({ a: 0, b: 0 }));
  let phase = 0;
  for (let i = 0; i < samples.length; i++) {
    const time = i / rate;
    const place = time / syllable;
    const number = Math.floor(place);
    const within = place - number;
    const pitch = 115 + 30 * Math.sin(time * 2.1) - 12 * within + (number % 4 === 0 ? 25 : 0);
    phase += pitch / rate;
    const pulse = phase >= 1 ? 1 : 0;
    phase -= pulse;
    const loud = number % 7 === 6 ? 0 : Math.sin(Math.PI * Math.min(1, within * 1.15)) ** 0.7;
    const noise = random.uniform() - 0.5;
    const breath = pulse * 3 + noise * 0.06;
    const [from, to] = [vowels[number % 5], vowels[(number + 2) % 5]] as const;
    let value = 0;
    for (const [k, pole] of poles.entries()) {
      const middle = (from?.[k] ?? 500) * (1 - within) + (to?.[k] ?? 500) * within;
      const width = Math.exp((-Math.PI * (60 + 40 * k)) / rate);
      const turn = 2 * width * Math.cos((2 * Math.PI * middle) / rate);
      const out = breath * (1 - width) + turn * pole.a - width * width * pole.b;
      pole.b = pole.a;
      pole.a = out;
      value += out / (1 + k * 0.4);
    }
    const hiss =
      number % 3 === 2 && within < 0.25 ? noise * 0.2 * Math.sin(4 * Math.PI * within) : 0;
    samples[i] = value * loud * 2 + hiss;
  }
  return levelled(samples);
}

/** As loud as can be without clipping. */
export function levelled(samples: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  const peak = samples.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return peak === 0 ? samples : samples.map((value) => (value * 0.9) / peak);
}
