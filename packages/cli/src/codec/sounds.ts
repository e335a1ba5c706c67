import { ReadableStream as NodeStream } from "node:stream/web";
import { numpy as np, tree } from "@jax-js/jax";
import { createSoundStreams, type SoundCodes } from "vector-quantize/nn";
import { Failure } from "../failure.ts";
import { collected } from "../input/sound/collected.ts";
import { checkCoded, checkPixels } from "./checks.ts";
import { codeShape, fromFileOrder, toFileOrder } from "./codeShape.ts";
import type { SoundModel } from "./modelFile.ts";

/** Sounds through a model, at its rate. */
export interface SoundCodec extends Disposable {
  /** Codes `[positions, Q]`, in the order of `CodeShape`, of a sound that comes piece by piece. */
  encode(pieces: Pieces, called: string): Promise<Int32Array>;
  /** A whole number of hops: at least as many samples as the sound had. */
  decode(codes: Int32Array, called: string): AsyncGenerator<Float32Array<ArrayBuffer>>;
}

type Pieces = AsyncIterable<Float32Array> | Iterable<Float32Array>;

/** Positions of codes that are decoded at once. */
const atOnce = 64;
/** Most samples of a sound that a model takes which is not causal: it takes them whole. */
const mostWhole = 2 ** 22;

/**
 * Takes sounds of any length through a model: a causal one piece by piece, in little memory, with the codes
 * and samples of the whole.
 */
export async function createSoundCodec(file: SoundModel): Promise<SoundCodec> {
  return file.sounds.causal ? streamed(file) : whole(file);
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
      return joined(parts);
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

function whole({ model, variables, path }: SoundModel): SoundCodec {
  const order = codeShape(model.quantizer);
  const layers = model.quantizer.codebookSizes.length;
  return {
    async encode(pieces, called) {
      const samples = await collected(pieces, (length) => {
        if (length <= mostWhole) return;
        throw new Failure(
          `${called}: expected at most ${mostWhole} samples, for ${path} is not causal and takes them at once, got more`,
        );
      });
      const x = np.array(samples, { shape: [1, samples.length, 1] });
      const indices = await model.encode(tree.ref(variables as never), x);
      const codes = (await toFileOrder(indices, order).data()) as Int32Array;
      checkCoded(codes, codes.length, () => called);
      return codes;
    },
    async *decode(codes, called) {
      const shape = [1, codes.length / layers, ...order.perVector];
      const given = fromFileOrder(arrayOf(codes.slice(), shape), order);
      const output = await model.decode(tree.ref(variables as never), given);
      const samples = (await output.data()) as Float32Array<ArrayBuffer>;
      checkPixels(samples, samples.length, () => called);
      yield samples;
    },
    [Symbol.dispose]() {},
  };
}

/** Node's own, which the types of pages don't know to be the same. */
const streamOf = <T>(pieces: AsyncIterable<T> | Iterable<T>) =>
  NodeStream.from(pieces) as unknown as ReadableStream<T>;

const arrayOf = (codes: Int32Array<ArrayBuffer>, shape: readonly number[]) =>
  np.array(codes, { shape: [...shape], dtype: np.int32 });

function joined(parts: readonly Int32Array[]): Int32Array {
  const all = new Int32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
