/** Sounds through a model, at its rate. */
export interface SoundCodec extends Disposable {
  /** Codes `[positions, Q]`, in the order of `CodeShape`, of a sound that comes piece by piece. */
  encode(pieces: SoundPieces, called: string): Promise<Int32Array>;
  /** A whole number of hops: at least as many samples as the sound had. */
  decode(codes: Int32Array, called: string): AsyncGenerator<Float32Array<ArrayBuffer>>;
}

export type SoundPieces = AsyncIterable<Float32Array> | Iterable<Float32Array>;
