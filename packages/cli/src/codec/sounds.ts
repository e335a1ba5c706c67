import { ReadableStream as NodeStream } from "node:stream/web";
import { numpy as np, tree } from "@jax-js/jax";
import { createSoundStreams, type SoundCodes } from "vector-quantize/nn";
import { checkCoded, checkPixels } from "./checks.ts";
import { codeShape, fromFileOrder, toFileOrder } from "./codeShape.ts";
import type { SoundModel } from "./modelFile.ts";
import type { CodeChooser } from "./rdo.ts";
import type { SoundCodec } from "./soundCodec.ts";
import { joined, tiledSounds } from "./tiledSounds.ts";

/** Positions of codes that are decoded at once. */
const atOnce = 64;

/**
 * Takes sounds of any length through a model piece by piece, in little memory: codes and samples are the whole's.
 *
 * @param chooser chooses the codes, of a whole sound at once; default: the model's own
 */
export async function createSoundCodec(
  file: SoundModel,
  chooser?: CodeChooser,
): Promise<SoundCodec> {
  if (!file.sounds.causal) return tiledSounds(file, chooser);
  const codec = await streamed(file);
  return chooser ? { ...codec, encode: tiledSounds(file, chooser).encode } : codec;
}

async function streamed({ model, variables }: SoundModel): Promise<SoundCodec> {
  const order = codeShape(model.quantizer);
  const layers = model.quantizer.codebookSizes.length;
  const hop = model.lengthMultiple;
  const streams = await createSoundStreams(model, tree.ref(variables as never));
  return {
    async encode(pieces, called) {
      const parts: Int32Array[] = [];
      const coded = streamOf<Float32Array>(pieces).pipeThrough(streams.encoder());
      for await (const { codes, shape } of coded) {
        checkCoded(codes, codes.length, () => called);
        if (order.groups === 0) parts.push(codes);
        else parts.push(await inFileOrder(codes, shape));
      }
      return joined(parts, (length) => new Int32Array(length));
    },
    async *decode(codes, called) {
      async function* pieces(): AsyncGenerator<SoundCodes> {
        for (let at = 0; at < codes.length; at += atOnce * layers) {
          const part = codes.slice(at, at + atOnce * layers) as Int32Array<ArrayBuffer>;
          const frames = part.length / layers;
          const array = arrayOf(part, [1, frames, ...order.perVector]);
          const given = fromFileOrder(array, order);
          const shape = given.shape;
          const own = (await given.data()) as Int32Array<ArrayBuffer>;
          yield { codes: own, shape, samples: frames * hop };
        }
      }
      const decoded = streamOf<SoundCodes>(pieces()).pipeThrough(streams.decoder());
      for await (const samples of decoded) {
        checkPixels(samples, samples.length, () => called);
        yield samples;
      }
    },
    [Symbol.dispose]: () => streams.dispose(),
  };

  async function inFileOrder(codes: Int32Array<ArrayBuffer>, shape: readonly number[]) {
    return (await toFileOrder(arrayOf(codes, shape), order).data()) as Int32Array;
  }
}

/** Node's own, which the types of pages don't know to be the same. */
const streamOf = <T>(pieces: AsyncIterable<T> | Iterable<T>) =>
  NodeStream.from(pieces) as unknown as ReadableStream<T>;

const arrayOf = (codes: Int32Array<ArrayBuffer>, shape: readonly number[]) =>
  np.array(codes, { shape: [...shape], dtype: np.int32 });
