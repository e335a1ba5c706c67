import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { temporaryFolder } from "../../../../../test/support/vq.ts";
import { tone, wavOf } from "../../../../../test/support/wav.ts";
import { openSounds } from "../../input/sound/sounds.ts";
import { defaultsOf, type Settings } from "../settings.ts";
import { soundData } from "./soundData.ts";

const folder = temporaryFolder();
afterAll(() => folder[Symbol.dispose]());

function file(name: string, samples: Float32Array, sampleRate = 8000): string {
  const path = join(folder.path, name);
  writeFileSync(path, wavOf(samples, { sampleRate }));
  return path;
}

const settings = (more: Partial<Settings>): Settings => ({
  ...{ data: folder.path, medium: "sounds", ...defaultsOf("sounds") },
  ...{ quantizer: { type: "residualVQ" }, ...more },
});

test("pieces are whole hops, follow the seed, and are not silent where there is sound", async () => {
  const quiet = new Float32Array(16000);
  quiet.set(tone(300, 1), 0); // a second of sound, and one of silence
  const paths = [file("a.wav", quiet), file("b.wav", tone(500, 0.7))];
  const data = await soundData(paths, settings({ segment: 0.099 }), undefined);
  expect(data.size).toEqual({ sampleRate: 8000, samples: 800 });
  expect(data.chosen).toEqual({ sampleRate: 8000, segment: 0.1 });
  const items = Uint32Array.of(0, 1);
  const read = async (step: number, seed: number) =>
    (await (await data.batches(items, 4, seed)(step)).data()) as Float32Array;
  expect(await read(5, 1)).toEqual(await read(5, 1));
  expect(await read(5, 1)).not.toEqual(await read(5, 2));
  for (let step = 0; step < 5; step++) {
    const batch = await read(step, 3);
    for (let i = 0; i < 4; i++) {
      const piece = batch.subarray(i * 800, (i + 1) * 800);
      expect(piece.some((value) => Math.abs(value) > 0.01)).toBe(true);
    }
  }
});

test("long files come in parts, which are the whole", async () => {
  const whole = tone(300, 50).map((value, i) => value * Math.sin(i / 30000));
  const { parts, decode, kept } = await openSounds([file("long.wav", whole)], { sampleRate: 0 });
  expect(kept).toBe(true);
  expect(parts.length).toBe(3); // of about 20 s
  const decoded = await Promise.all(parts.map((_, i) => decode(i)));
  const joined = decoded.flatMap((part) => [...(part as Float32Array)]);
  expect(joined.length).toBe(whole.length);
  expect(joined.every((value, i) => Math.abs(value - (whole[i] as number)) < 2 ** -15)).toBe(true);
});

test("the rate is what most files have; shorter sounds than pieces end in silence", async () => {
  const paths = [
    file("c.wav", tone(300, 0.05)),
    file("d.wav", tone(300, 0.05)),
    file("e.wav", tone(300, 0.05, 16000), 16000),
  ];
  const data = await soundData(paths, settings({ segment: 0.1 }), undefined);
  expect(data.size).toEqual({ sampleRate: 8000, samples: 800 });
  const batch = await data.batches(Uint32Array.of(0, 1, 2), 3, 0)(0);
  const values = (await batch.data()) as Float32Array;
  for (let i = 0; i < 3; i++) {
    expect(values.subarray(i * 800 + 400, (i + 1) * 800).every((value) => value === 0)).toBe(true);
  }
});
