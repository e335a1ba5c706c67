import samplerate from "@alexanderolsen/libsamplerate-js";
import { Failure } from "../../failure.ts";

type Converter = Awaited<ReturnType<typeof samplerate.create>>;

/** Converters that nobody uses now, by their rates: making one takes milliseconds. */
const free = new Map<string, Converter[]>();
/** As far as the converters go. */
const mostRatio = 256;
/** Samples that are converted at once. */
const atOnce = 2 ** 16;

/** How many samples a sound has at another rate. */
export const lengthAt = (length: number, from: number, to: number) =>
  Math.max(1, Math.round((length * to) / from));

/**
 * Samples at another rate, piece by piece, whatever the pieces: `lengthAt` of them in all, or as many as
 * `wanted` says. By libsamplerate's sinc converter of medium quality; of one rate they are what they were.
 */
export async function* resampled(
  pieces: AsyncIterable<Float32Array<ArrayBuffer>>,
  from: number,
  to: number,
  wanted?: number,
): AsyncGenerator<Float32Array<ArrayBuffer>> {
  if (from === to) {
    yield* pieces;
    return;
  }
  if (Math.max(from / to, to / from) > mostRatio) {
    throw new Failure(`expected rates up to ${mostRatio} times apart, got ${from} and ${to}`);
  }
  const converter = await converterFor(from, to);
  let [taken, made] = [0, 0];
  const convert = function* (samples: Float32Array<ArrayBuffer>, most: number) {
    for (let at = 0; at < samples.length && made < most; at += atOnce) {
      const converted = converter.full(samples.subarray(at, at + atOnce)).slice(0, most - made);
      made += converted.length;
      if (converted.length > 0) yield converted as Float32Array<ArrayBuffer>;
    }
  };
  try {
    for await (const piece of pieces) {
      taken += piece.length;
      yield* convert(piece, wanted ?? Number.POSITIVE_INFINITY);
    }
    // What the filter holds back comes out before silence.
    const length = wanted ?? lengthAt(taken, from, to);
    const silence = new Float32Array(Math.ceil(Math.max(1, from / to) * 1024));
    while (made < length) yield* convert(silence, length);
  } finally {
    free.get(`${from} ${to}`)?.push(converter); // also where the reader has enough, or pieces fail
  }
}

async function converterFor(from: number, to: number): Promise<Converter> {
  const key = `${from} ${to}`;
  const list = free.get(key) ?? [];
  free.set(key, list);
  const known = list.pop();
  if (known) {
    known.inputSampleRate = from; // forgets what it was given
    return known;
  }
  const { SRC_SINC_MEDIUM_QUALITY: converterType } = samplerate.ConverterType;
  return samplerate.create(1, from, to, { converterType });
}
