import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { hostRandom } from "vector-quantize/data";
import { afterAll, describe, expect, test } from "vitest";
import { compressedTones } from "../../../../../test/support/compressedTones.ts";
import { temporaryFolder } from "../../../../../test/support/vq.ts";
import { tone, type WavOptions, wavOf } from "../../../../../test/support/wav.ts";
import { Failure } from "../../failure.ts";
import { toPcm16, wavBytes } from "../../output/wav.ts";
import { resampled } from "./resample.ts";
import { openSound } from "./soundFiles.ts";

const folder = temporaryFolder();
afterAll(() => folder[Symbol.dispose]());

function file(name: string, bytes: Uint8Array): string {
  const path = join(folder.path, name);
  writeFileSync(path, bytes);
  return path;
}

async function whole(pieces: AsyncIterable<Float32Array>): Promise<Float32Array> {
  const all: number[] = [];
  for await (const piece of pieces) all.push(...piece);
  return Float32Array.from(all);
}

async function read(path: string, from = 0) {
  const sound = await openSound(path);
  return { sampleRate: sound.sampleRate, samples: await whole(sound.pieces(from)) };
}

const furthest = (a: Float32Array, b: Float32Array) =>
  a.reduce((most, value, i) => Math.max(most, Math.abs(value - (b[i] as number))), 0);

const wave = tone(440, 0.05);

describe("WAV", () => {
  const kinds: [WavOptions, number][] = [
    [{ bits: 8 }, 2 ** -8],
    [{ bits: 16 }, 2 ** -16],
    [{ bits: 24 }, 2 ** -24],
    [{ bits: 32 }, 2 ** -25],
    [{ bits: 32, float: true }, 0],
    [{ bits: 64, float: true }, 0],
    [{ bits: 24, extensible: true }, 2 ** -24],
    [{ bits: 32, float: true, extensible: true }, 0],
  ];
  test.each(kinds)("%o", async (options, tolerance) => {
    const { samples } = await read(file("a.wav", wavOf(wave, options)));
    expect(samples.length).toBe(wave.length);
    expect(furthest(samples, wave)).toBeLessThanOrEqual(tolerance * 1.01);
  });

  test("channels are mixed down, rates are told, and reading may begin anywhere", async () => {
    const stereo = Float32Array.from({ length: 2 * wave.length }, (_, i) =>
      i % 2 === 0 ? (wave[i >> 1] as number) : 0.25,
    );
    const options = { channels: 2, bits: 32, float: true, sampleRate: 44100 } as const;
    const path = file("stereo.wav", wavOf(stereo, options));
    const { samples, sampleRate } = await read(path);
    expect(sampleRate).toBe(44100);
    const mean = wave.map((value) => (value + 0.25) / 2);
    expect(furthest(samples, mean)).toBeLessThan(1e-7);
    expect((await read(path, 100)).samples).toEqual(samples.slice(100));
  });

  test("what is written is read again", async () => {
    const { samples, sampleRate } = await read(file("written.wav", wavBytes(wave, 12345)));
    expect(sampleRate).toBe(12345);
    expect(furthest(samples, wave)).toBeLessThanOrEqual(2 ** -16);
    expect([...toPcm16(Float32Array.of(2, -2))]).toEqual([0xff, 0x7f, 0x00, 0x80]);
  });

  const good = wavOf(wave, { bits: 16 });
  const changed = (change: (bytes: Buffer) => Buffer | undefined) => {
    const copy = Buffer.from(good);
    return change(copy) ?? copy;
  };
  const format = good.indexOf("fmt ") + 8;
  test.each([
    [
      "cut off",
      changed((b) => b.subarray(0, b.length - 10)),
      /expected 800 bytes of samples by its header, got 790/,
    ],
    [
      "without samples",
      changed((b) => b.subarray(0, b.indexOf("data"))),
      /expected a chunk of samples, got none/,
    ],
    ["of mu-law", changed((b) => void b.writeUInt16LE(7, format)), /formats 1 and 3, got format 7/],
    [
      "of no channels",
      changed((b) => void b.writeUInt16LE(0, format + 2)),
      /1 to 256 channels, got 0/,
    ],
    ["of no rate", changed((b) => void b.writeUInt32LE(0, format + 4)), /samples a second, got 0/],
    [
      "of 12 bytes a frame",
      changed((b) => void b.writeUInt16LE(12, format + 12)),
      /2 bytes for all channels, got 12/,
    ],
    [
      "of no numbers",
      wavOf([0, Number.NaN], { bits: 32, float: true }),
      /samples of about -1 to 1, got NaN at 1/,
    ],
    [
      "of another kind",
      Buffer.from("hello, this is text"),
      /a WAV, FLAC, MP3 or Ogg sound, got another kind/,
    ],
  ])("one %s is an error that names it", async (_, bytes, words) => {
    const path = file("bad.wav", bytes);
    const error = await read(path).catch((each) => each);
    expect(error).toBeInstanceOf(Failure);
    expect(error.message).toMatch(words);
    expect(error.message).toContain(path);
  });

  test("a size that nobody knew when the header was written means: to the end", async () => {
    const open = changed((b) => void b.writeUInt32LE(0xffffffff, b.indexOf("data") + 4));
    expect((await read(file("open.wav", open))).samples.length).toBe(wave.length);
  });
});

// VQ_MUTATIONS=100000 makes it a campaign.
const mutations = Number(process.env.VQ_MUTATIONS ?? 2000);

test(`${mutations} mutated WAV files: sound or an error in words`, {
  timeout: mutations * 50,
}, async () => {
  const random = hostRandom(7, mutations);
  const kinds = [16, 24, 32, 64].map((bits) =>
    wavOf(tone(300, 0.02), { bits: bits as 16, float: bits >= 32, extensible: bits === 24 }),
  );
  let [sounds, errors] = [0, 0];
  for (let round = 0; round < mutations; round++) {
    let bytes = Buffer.from(kinds[round % kinds.length] as Buffer);
    const head = random.uniform() < 0.7 ? 100 : bytes.length; // most of them in the header
    for (let n = random.below(4) + 1; n > 0; n--) {
      const [at, value] = [random.below(Math.min(head, bytes.length)), random.below(256)];
      const kind = random.below(4);
      if (kind === 0) bytes[at] = value;
      else if (kind === 1) bytes = bytes.subarray(0, at + 1);
      else if (kind === 2) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 3)]);
      else bytes.fill(value < 128 ? 0xff : 0, at, Math.min(at + 4, bytes.length));
      if (bytes.length === 0) bytes = Buffer.from([0]);
    }
    try {
      const { samples } = await read(file("mutated.wav", bytes));
      if (bytes[0] === 0x52) expect(samples.length).toBeLessThanOrEqual(bytes.length); // R of RIFF
      expect(samples.every(Number.isFinite)).toBe(true);
      sounds += 1;
    } catch (error) {
      expect(error).toBeInstanceOf(Failure);
      errors += 1;
    }
  }
  expect(sounds).toBeGreaterThan(mutations / 20);
  expect(errors).toBeGreaterThan(mutations / 5);
});

describe("compressed", () => {
  test.each(Object.entries(compressedTones))("%s", async (kind, bytes) => {
    const { samples, sampleRate } = await read(file(`tone.${kind}`, bytes));
    expect(sampleRate).toBe(kind === "opus" ? 48000 : 16000);
    const length = 0.1 * sampleRate;
    expect(samples.length).toBeGreaterThanOrEqual(length);
    // A tone's energy, and its zeros in place; MP3's begins later.
    const middle = samples.slice(Math.round(-0.06 * sampleRate), Math.round(-0.02 * sampleRate));
    const power = middle.reduce((sum, value) => sum + value ** 2, 0) / middle.length;
    expect(power).toBeGreaterThan(0.08);
    expect(power).toBeLessThan(0.16);
    let crossings = 0;
    middle.forEach((value, i) => {
      if (i > 0 && value < 0 !== (middle[i - 1] as number) < 0) crossings += 1;
    });
    expect(Math.abs(crossings - (2 * 440 * middle.length) / sampleRate)).toBeLessThanOrEqual(1);
    expect((await read(join(folder.path, `tone.${kind}`), 50)).samples).toEqual(samples.slice(50));
  });

  test("a damaged one is an error that names it", async () => {
    const bytes = Buffer.from(compressedTones.flac as Buffer);
    bytes.fill(0x55, 300, 1200);
    await expect(read(file("bad.flac", bytes))).rejects.toThrow(/bad\.flac: expected/);
  });
});

describe("resampling", () => {
  async function* cut(samples: Float32Array<ArrayBuffer>, size: number) {
    for (let at = 0; at < samples.length; at += size) yield samples.slice(at, at + size);
  }

  test.each([
    [44100, 8000],
    [8000, 44100],
    [16000, 24000],
    [8001, 8000],
  ])("%d to %d: a tone, of the right length, whatever the pieces", async (from, to) => {
    const given = tone(440, 0.3, from) as Float32Array<ArrayBuffer>;
    const all = await whole(resampled(cut(given, given.length), from, to));
    expect(all.length).toBe(Math.round((given.length * to) / from));
    const ideal = tone(440, 0.3, to);
    const middle = [Math.round(all.length * 0.2), Math.round(all.length * 0.8)] as const;
    expect(furthest(all.subarray(...middle), ideal.subarray(...middle))).toBeLessThan(1e-3);
    for (const size of [1, 37, 1000]) {
      expect(furthest(await whole(resampled(cut(given, size), from, to)), all)).toBeLessThan(1e-6);
    }
  });

  test("one rate leaves all as it was", async () => {
    const given = tone(440, 0.01) as Float32Array<ArrayBuffer>;
    expect(await whole(resampled(cut(given, 7), 8000, 8000))).toEqual(given);
  });
});
