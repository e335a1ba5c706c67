import { Failure } from "../../failure.ts";

/** How the samples of a WAV file lie in it. */
export interface WavHeader {
  readonly sampleRate: number;
  readonly channels: number;
  readonly kind: "integer" | "float";
  /** Bytes of a sample of one channel. */
  readonly width: number;
  /** Where the samples begin, and how many of each channel there are. */
  readonly start: number;
  readonly length: number;
}

/** Reads bytes at a place of a file: fewer only at its end. */
export type ReadAt = (offset: number, bytes: number) => Promise<Uint8Array>;

/** What the readers here take: more channels than that, and other rates, are damage. */
const mostChannels = 256;
const rates = { least: 1000, most: 1_000_000 };
/** Chunks that are looked at before the samples. */
const mostChunks = 1000;
/** Sizes from here on stand for "to the end", as programs write them that can't go back. */
const unknownSize = 0x7fff0000;

const integer = 1;
const float = 3;
const extensible = 0xfffe;

/** Reads the header of a WAV file: RIFF, or RF64 for files above 4 GiB. Throws `Failure` without the path. */
export async function readWavHeader(read: ReadAt, fileBytes: number): Promise<WavHeader> {
  const head = await read(0, 12);
  const [riff, wave] = [textAt(head, 0), textAt(head, 8)];
  if (!["RIFF", "RF64"].includes(riff) || wave !== "WAVE") {
    throw new Failure("expected a WAV, FLAC, MP3 or Ogg sound, got another kind");
  }
  let format: Format | undefined;
  let longSize: number | undefined;
  let at = 12;
  for (let chunk = 0; chunk < mostChunks; chunk++) {
    const begin = await read(at, 8);
    if (begin.length < 8) break;
    const [name, size] = [textAt(begin, 0), viewOf(begin).getUint32(4, true)];
    at += 8;
    if (name === "ds64") {
      const content = await read(at, 16);
      if (content.length === 16) longSize = Number(viewOf(content).getBigUint64(8, true));
    } else if (name === "fmt ") {
      format = formatOf(await read(at, Math.min(size, 40)));
    } else if (name === "data") {
      if (!format) throw new Failure("expected its format before its samples, got none");
      const { channels, width } = format;
      const there = fileBytes - at;
      const told = riff === "RF64" && size === 0xffffffff ? (longSize ?? size) : size;
      if (told > there && told < unknownSize) {
        throw new Failure(
          `expected ${told} bytes of samples by its header, got ${there}. It was cut off`,
        );
      }
      const length = Math.floor(Math.min(told, there) / (channels * width));
      if (length === 0) throw new Failure("expected samples, got none");
      return { ...format, start: at, length };
    }
    at += size + (size % 2);
  }
  throw new Failure("expected a chunk of samples, got none");
}

type Format = Pick<WavHeader, "sampleRate" | "channels" | "kind" | "width">;

function formatOf(chunk: Uint8Array): Format {
  if (chunk.length < 16) throw new Failure("expected a format of 16 bytes, got fewer");
  const view = viewOf(chunk);
  const given = view.getUint16(0, true);
  if (given === extensible && chunk.length < 26) {
    throw new Failure("expected an extensible format of 40 bytes, got fewer");
  }
  const code = given === extensible ? view.getUint16(24, true) : given;
  const [channels, sampleRate] = [view.getUint16(2, true), view.getUint32(4, true)];
  const [frame, bits] = [view.getUint16(12, true), view.getUint16(14, true)];
  if (code !== integer && code !== float) {
    throw new Failure(
      `expected samples as integers or floats, formats 1 and 3, got format ${code}`,
    );
  }
  if (channels < 1 || channels > mostChannels) {
    throw new Failure(`expected 1 to ${mostChannels} channels, got ${channels}`);
  }
  if (sampleRate < rates.least || sampleRate > rates.most) {
    throw new Failure(
      `expected ${rates.least} to ${rates.most} samples a second, got ${sampleRate}`,
    );
  }
  // Fewer bits than bytes have stand in the highest ones.
  const width = Math.ceil(bits / 8);
  const widths = code === integer ? [1, 2, 3, 4] : [4, 8];
  if (!widths.includes(width) || (code === float && bits % 32 !== 0)) {
    const words = code === integer ? "up to 32" : "32 or 64";
    throw new Failure(`expected ${words} bits a sample, got ${bits}`);
  }
  if (frame !== channels * width) {
    throw new Failure(`expected ${channels * width} bytes for all channels, got ${frame}`);
  }
  return { sampleRate, channels, kind: code === integer ? "integer" : "float", width };
}

const viewOf = (bytes: Uint8Array) =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const textAt = (bytes: Uint8Array, at: number) =>
  String.fromCharCode(...bytes.subarray(at, at + 4));
