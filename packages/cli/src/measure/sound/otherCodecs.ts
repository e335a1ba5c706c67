import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Failure } from "../../failure.ts";
import { collected } from "../../input/sound/collected.ts";
import { openSound } from "../../input/sound/soundFiles.ts";
import { toPcm16, wavBytes } from "../../output/wav.ts";
import { type Likeness, likenessMeter } from "./likeness.ts";

/** Codecs to compare with, by programs of theirs that must be there. */
export const soundFormats = ["opus", "codec2"] as const;
export type SoundFormat = (typeof soundFormats)[number];

/** What a codec makes of the sounds at one of its settings. */
export interface SoundRatePoint extends Likeness {
  readonly format: SoundFormat;
  readonly setting: string;
  readonly bitsPerSecond: number;
}

const run = promisify(execFile);

interface Setting {
  readonly format: SoundFormat;
  readonly setting: string;
  /** Encodes and decodes `in.wav` and `in.raw`, and tells the bytes and the samples. */
  through(folder: string): Promise<{ bytes: number; made: Float32Array }>;
}

/** Kilobits a second that Opus is asked for. It takes more than it is asked for at few. */
const opusRates = [6, 8, 12, 16, 24];
const codec2Modes = [700, 1300, 2400, 3200];
/** Opus decodes to these rates alone as it is. */
const opusDecodes = [8000, 12000, 16000, 24000, 48000];

/**
 * Takes sounds through other codecs, all joined to one, so that headers count once; and measures what comes
 * out as a model's output is: sound by sound, after the delay of the codec is taken off.
 *
 * @throws Failure if a program is not there
 */
export async function throughCodecs(
  formats: readonly SoundFormat[],
  sounds: readonly Float32Array[],
  sampleRate: number,
): Promise<SoundRatePoint[]> {
  const folder = await mkdtemp(join(tmpdir(), "vq-sounds-"));
  try {
    const whole = new Float32Array(sounds.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const sound of sounds) {
      whole.set(sound, at);
      at += sound.length;
    }
    await writeFile(join(folder, "in.wav"), wavBytes(whole, sampleRate));
    await writeFile(join(folder, "in.raw"), toPcm16(whole));
    const points: SoundRatePoint[] = [];
    for (const { format, setting, through } of settingsOf(formats, sampleRate)) {
      const { bytes, made } = await through(folder);
      const delay = delayOf(whole, made, Math.round(sampleRate / 10));
      const meter = likenessMeter(sampleRate);
      let from = 0;
      for (const sound of sounds) {
        const own = new Float32Array(sound.length);
        own.set(made.subarray(from + delay, from + delay + sound.length));
        meter.add(sound, own);
        from += sound.length;
      }
      const bitsPerSecond = (8 * bytes * sampleRate) / whole.length;
      points.push({ format, setting, bitsPerSecond, ...meter.means() });
    }
    return points;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function settingsOf(formats: readonly SoundFormat[], sampleRate: number): Setting[] {
  return formats.flatMap((format) => {
    if (format === "opus") {
      if (!opusDecodes.includes(sampleRate)) throw otherRate(format, opusDecodes, sampleRate);
      return opusRates.map((rate) => opus(rate, sampleRate));
    }
    if (sampleRate !== 8000) throw otherRate(format, [8000], sampleRate);
    return codec2Modes.map(codec2);
  });
}

const otherRate = (format: SoundFormat, rates: readonly number[], got: number) =>
  new Failure(`--against ${format}: expected a model of ${rates.join(", ")} Hz, got ${got}`);

const opus = (rate: number, sampleRate: number): Setting => ({
  format: "opus",
  setting: `${rate} kbit/s`,
  async through(folder) {
    const [coded, decoded] = [join(folder, "coded.opus"), join(folder, "out.wav")];
    const options = ["--quiet", "--discard-comments", "--padding", "0", "--speech"];
    const asked = ["--bitrate", String(rate), "--framesize", "60", join(folder, "in.wav"), coded];
    await called("opus", "opus-tools", "opusenc", [...options, ...asked]);
    const back = ["--quiet", "--rate", String(sampleRate), coded, decoded];
    await called("opus", "opus-tools", "opusdec", back);
    const sound = await openSound(decoded);
    return { bytes: (await stat(coded)).size, made: await collected(sound.pieces()) };
  },
});

const codec2 = (mode: number): Setting => ({
  format: "codec2",
  setting: `${mode}`,
  async through(folder) {
    const [coded, decoded] = [join(folder, "coded.c2bits"), join(folder, "out.raw")];
    const name = mode === 700 ? "700C" : String(mode);
    await called("codec2", "codec2", "c2enc", [name, join(folder, "in.raw"), coded]);
    await called("codec2", "codec2", "c2dec", [name, coded, decoded]);
    const bytes = await readFile(decoded);
    const samples = new Int16Array(bytes.buffer, bytes.byteOffset, bytes.length >> 1);
    return {
      bytes: (await stat(coded)).size,
      made: Float32Array.from(samples, (sample) => sample / 32768),
    };
  },
});

async function called(
  format: SoundFormat,
  tools: string,
  program: string,
  args: readonly string[],
): Promise<void> {
  try {
    await run(program, [...args]);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") {
      throw new Failure(
        `--against ${format}: expected ${program} on the PATH, got none. It comes with ${tools}`,
      );
    }
    throw new Failure(`--against ${format}: expected ${program} to end well, got ${message}`);
  }
}

/** By how many samples a sound has come out later: where the envelopes are most alike. */
export function delayOf(original: Float32Array, made: Float32Array, most: number): number {
  const step = 4;
  const envelope = (sound: Float32Array) => {
    const levels = new Float32Array(Math.floor(sound.length / step));
    let level = 0;
    for (let i = 0; i < levels.length; i++) {
      for (let j = i * step; j < (i + 1) * step; j++) level += Math.abs(sound[j] as number);
      level *= 0.9;
      levels[i] = level;
    }
    return levels;
  };
  const [a, b] = [envelope(original), envelope(made)];
  let [best, delay] = [Number.NEGATIVE_INFINITY, 0];
  for (let lag = 0; lag * step <= most; lag++) {
    let product = 0;
    for (let i = 0; i < a.length && i + lag < b.length; i++) {
      product += (a[i] as number) * (b[i + lag] as number);
    }
    if (product > best) [best, delay] = [product, lag * step];
  }
  return delay;
}
