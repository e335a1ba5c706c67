/** Samples a second of all sounds here. */
export const rate = 16_000;
/** Samples of a frame, and frequencies of its spectrum: 8 ms. */
export const frame = 128;
/** Seconds that are taken of a sound. */
export const mostSeconds = 15;

export interface SpeechSettings {
  readonly source: "voice" | "own";
  /** Layers that are heard. */
  readonly layers: number;
  readonly options: Readonly<Record<string, unknown>>;
}

/** Loudness over time and frequency, 0 to 255: column after column, low frequencies first. */
export interface LoudnessGrid {
  readonly columns: number;
  readonly rows: number;
  readonly levels: Uint8Array<ArrayBuffer>;
}

export type SpeechRow = readonly [step: number, error: number];

export interface SpeechSnapshot {
  readonly rows: readonly SpeechRow[];
  readonly seconds: number;
  readonly original: LoudnessGrid;
  readonly decoded: LoudnessGrid;
  readonly layers: number;
  /** In dB, of the first layer alone, the first two, and so on. */
  readonly signalToNoise: readonly number[];
  /** Of the layers that are heard: as a `.vq` file has them, and with as many bits for every code. */
  readonly kilobits: number;
  readonly plainKilobits: number;
}
