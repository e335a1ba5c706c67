import { Failure, oneLine } from "../../failure.ts";

/** What the decoders make of some bytes. */
interface Decoded {
  readonly channelData: readonly Float32Array[];
  readonly samplesDecoded: number;
  readonly sampleRate: number;
  readonly errors: readonly { readonly message: string }[];
}

interface Decoder {
  readonly ready: Promise<void>;
  decode(bytes: Uint8Array): Decoded | Promise<Decoded>;
  flush?(): Decoded | Promise<Decoded>;
  free(): void;
}

export type Compression = "flac" | "mp3" | "vorbis" | "opus";

/** Samples of one rate: the mean of the channels. */
export interface DecodedPiece {
  readonly sampleRate: number;
  readonly samples: Float32Array<ArrayBuffer>;
  /** Bytes that were read so far. */
  readonly bytes: number;
}

/** Which decoder takes a file, by its first bytes. */
export function compressionOf(head: Uint8Array): Compression | undefined {
  const text = Buffer.from(head).toString("latin1");
  if (text.startsWith("fLaC")) return "flac";
  if (text.startsWith("OggS")) {
    if (text.includes("OpusHead")) return "opus";
    if (text.includes("\x01vorbis")) return "vorbis";
    if (text.includes("\x7fFLAC")) return "flac";
    return undefined;
  }
  return text.startsWith("ID3") || isMpegFrame(head) ? "mp3" : undefined;
}

/** Whether a frame of MPEG audio begins: none of its fields has the value that stands for none. */
function isMpegFrame([first = 0, second = 0, third = 0]: Uint8Array): boolean {
  if (first !== 0xff || second < 0xe0) return false;
  const [version, layer] = [second & 0x18, second & 0x06];
  return version !== 0x08 && layer !== 0 && third < 0xf0 && (third & 0x0c) !== 0x0c;
}

/** Decodes a file piece by piece. What the decoder finds wrong is an error. */
export async function* decodedPieces(
  kind: Compression,
  bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<DecodedPiece> {
  const decoder = await decoderFor(kind);
  await decoder.ready;
  try {
    let rate: number | undefined;
    let taken = 0;
    const check = (decoded: Decoded): DecodedPiece[] => {
      const { channelData, samplesDecoded, sampleRate, errors } = decoded;
      if (errors[0]) throw new Failure(`expected intact frames, got ${oneLine(errors[0].message)}`);
      if (samplesDecoded === 0) return [];
      rate ??= sampleRate;
      if (sampleRate !== rate) {
        throw new Failure(`expected one sample rate, got ${rate} and ${sampleRate}`);
      }
      return [{ sampleRate, samples: mixedDown(channelData, samplesDecoded), bytes: taken }];
    };
    for await (const part of bytes) {
      taken += part.length;
      yield* check(await decoder.decode(part));
    }
    if (decoder.flush) yield* check(await decoder.flush());
    if (rate === undefined) throw new Failure("expected samples, got none");
  } finally {
    decoder.free();
  }
}

/** Decoders are fetched when the first file needs them. */
async function decoderFor(kind: Compression): Promise<Decoder> {
  switch (kind) {
    case "flac":
      return new (await import("@wasm-audio-decoders/flac")).FLACDecoder();
    case "mp3":
      return new (await import("mpg123-decoder")).MPEGDecoder();
    case "vorbis":
      return new (await import("@wasm-audio-decoders/ogg-vorbis")).OggVorbisDecoder();
    case "opus":
      return new (await import("ogg-opus-decoder")).OggOpusDecoder();
  }
}

function mixedDown(channels: readonly Float32Array[], length: number): Float32Array<ArrayBuffer> {
  const mixed = new Float32Array(length);
  for (let i = 0; i < length; i++) {
    let sum = 0;
    for (const channel of channels) sum += channel[i] as number;
    mixed[i] = sum / channels.length;
  }
  return mixed;
}
