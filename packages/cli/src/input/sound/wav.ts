import { Failure } from "../../failure.ts";
import type { ReadAt, WavHeader } from "./wavHeader.ts";

/** Bytes that are read at once. */
const pieceBytes = 2 ** 18;
/** Floats beyond this are no samples. */
const largest = 256;

/** The samples of a WAV file from `from` on, piece by piece: the mean of its channels, -1 to 1. */
export async function* wavPieces(
  read: ReadAt,
  { channels, kind, width, start, length }: WavHeader,
  from = 0,
): AsyncGenerator<Float32Array<ArrayBuffer>> {
  const frame = channels * width;
  const most = Math.max(1, Math.floor(pieceBytes / frame));
  const sample = sampleReader(kind, width);
  for (let at = from; at < length; at += most) {
    const count = Math.min(most, length - at);
    const bytes = await read(start + at * frame, count * frame);
    if (bytes.length < count * frame) throw new Failure("expected its samples, got its end");
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const piece = new Float32Array(count);
    for (let i = 0; i < count; i++) {
      let sum = 0;
      for (let c = 0; c < channels; c++) sum += sample(view, i * frame + c * width);
      piece[i] = sum / channels;
      if (!(Math.abs(sum) <= largest * channels)) {
        throw new Failure(`expected samples of about -1 to 1, got ${sum / channels} at ${at + i}`);
      }
    }
    yield piece;
  }
}

function sampleReader(
  kind: WavHeader["kind"],
  width: number,
): (view: DataView, at: number) => number {
  if (kind === "float") {
    return width === 4
      ? (view, at) => view.getFloat32(at, true)
      : (view, at) => view.getFloat64(at, true);
  }
  if (width === 1) return (view, at) => (view.getUint8(at) - 128) / 2 ** 7;
  if (width === 2) return (view, at) => view.getInt16(at, true) / 2 ** 15;
  if (width === 3) {
    return (view, at) => (view.getUint16(at, true) + view.getInt8(at + 2) * 2 ** 16) / 2 ** 23;
  }
  return (view, at) => view.getInt32(at, true) / 2 ** 31;
}
