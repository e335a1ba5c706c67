import { mostSeconds } from "./contract.ts";

/** The samples of a sound file, mixed to one channel at `rate`; the first seconds of it. */
export async function readSound(
  file: Blob,
  name: string,
  rate: number,
): Promise<Float32Array<ArrayBuffer>> {
  const context = new OfflineAudioContext(1, 1, rate);
  const buffer = await file
    .arrayBuffer()
    .then((bytes) => context.decodeAudioData(bytes))
    .catch(() => undefined);
  if (!buffer || buffer.length < rate / 10) {
    throw new Error(
      `${name}: expected a sound of a tenth of a second or more that this browser can read.`,
    );
  }
  const length = Math.min(buffer.length, mostSeconds * rate);
  const samples = new Float32Array(length);
  for (let channel = 0; channel < buffer.numberOfChannels; channel++) {
    const own = buffer.getChannelData(channel);
    for (let i = 0; i < length; i++) {
      samples[i] = (samples[i] as number) + (own[i] as number) / buffer.numberOfChannels;
    }
  }
  return samples;
}

let playing: { context: AudioContext; source: AudioBufferSourceNode } | undefined;

/** Plays a sound, in place of the one that plays. */
export function play(samples: Float32Array<ArrayBuffer>, rate: number): void {
  stop();
  const context = new AudioContext({ sampleRate: rate });
  const buffer = context.createBuffer(1, samples.length, rate);
  buffer.copyToChannel(samples, 0);
  const source = new AudioBufferSourceNode(context, { buffer });
  source.connect(context.destination);
  source.onended = () => void context.close();
  source.start();
  playing = { context, source };
}

export function stop(): void {
  if (playing && playing.context.state !== "closed") playing.source.stop();
  playing = undefined;
}

/** A 16-bit WAV file. */
export function wavOf(samples: Float32Array, rate: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(44 + 2 * samples.length);
  const view = new DataView(bytes.buffer);
  const text = (at: number, word: string) => bytes.set(new TextEncoder().encode(word), at);
  text(0, "RIFF");
  view.setUint32(4, bytes.length - 8, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, 2 * rate, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, "data");
  view.setUint32(40, 2 * samples.length, true);
  for (const [i, value] of samples.entries()) {
    view.setInt16(44 + 2 * i, Math.round(Math.max(-1, Math.min(1, value)) * 32767), true);
  }
  return bytes;
}

/** A recording under way. */
export interface Recording {
  /** Ends it, and gives what was said. */
  finish(): Promise<Blob>;
}

/** Begins to record; the browser asks whether it may. */
export async function record(): Promise<Recording> {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  const recorder = new MediaRecorder(stream);
  const parts: Blob[] = [];
  recorder.ondataavailable = ({ data }) => parts.push(data);
  recorder.start();
  return {
    finish: () =>
      new Promise((resolve) => {
        recorder.onstop = () => {
          for (const track of stream.getTracks()) track.stop();
          resolve(new Blob(parts, { type: recorder.mimeType }));
        };
        recorder.stop();
      }),
  };
}
