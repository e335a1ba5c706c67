import { numpy as np, tree } from "@jax-js/jax";
import { checkInteger, expected, VectorQuantizeError } from "../errors.ts";
import type { Addresses } from "../kernels/layers/layerPlan.ts";
import type { Workspace } from "../kernels/layers/workspace.ts";
import { lazy } from "../lazy.ts";
import { kernelsAreFast } from "../paths.ts";
import { release } from "../tree.ts";
import { checkModelVariables } from "./checks.ts";
import type { Model, ModelVariables } from "./model.ts";
import type { StreamedLayers, streamLayers } from "./streamLayers.ts";

const kernels = lazy(async () => ({
  ...(await import("../kernels/layers/workspace.ts")),
  ...(await import("./numbers.ts")),
  ...(await import("./streamLayers.ts")),
}));

/** Codes of a piece of sound. */
export interface SoundCodes {
  /** As the model's `encode` gives them for this piece, `[1, frames, ...]`. */
  readonly codes: Int32Array<ArrayBuffer>;
  readonly shape: readonly number[];
  /** Samples that they stand for: fewer than their frames have at the end of the sound. */
  readonly samples: number;
}

/** A causal model for sound as it comes in. */
export interface SoundStreams {
  /**
   * Samples that must be there before they have codes: `model.lengthMultiple`. Decoding adds none: the
   * codes of a hop give all of its samples.
   */
  readonly latency: number;
  /** Samples, in pieces of any length, to codes. The end is filled up with zeros. */
  encoder(): TransformStream<Float32Array, SoundCodes>;
  /** Codes to samples, as many as they stand for. */
  decoder(): TransformStream<SoundCodes, Float32Array<ArrayBuffer>>;
  /** Gives the variables and the memory back. Streams that are not at their end fail from here on. */
  dispose(): void;
}

/** Most units that go through the layers at once; pieces are powers of 2 of them, for few plans. */
const MOST_UNITS = 64;

/**
 * Encodes and decodes sound piece by piece, in Node and in pages, as Web streams.
 *
 * Every layer carries what it has seen last from one piece to the next. So codes and samples are those of
 * the whole sound, to the bit, however it is cut. Memory does not grow with its length.
 *
 * ```ts
 * import { audioAutoencoder, createSoundStreams } from "vector-quantize/nn";
 * import { random } from "@jax-js/jax";
 *
 * const model = audioAutoencoder();
 * const streams = await createSoundStreams(model, model.init(random.key(0)));
 * const sound = new ReadableStream<Float32Array>({
 *   start(controller) {
 *     for (const length of [1, 1000, 333]) controller.enqueue(new Float32Array(length));
 *     controller.close();
 *   },
 * });
 * const decoded = sound.pipeThrough(streams.encoder()).pipeThrough(streams.decoder());
 * for await (const samples of decoded) console.log(samples.length); // 1,334 in all
 * ```
 *
 * @param variables ownership is taken
 * @throws VectorQuantizeError for a model that is not causal, whose layers can't be streamed, or without
 *   `padEnd` in front, for variables of another, and where WebAssembly has no SIMD
 */
export async function createSoundStreams(
  model: Model,
  variables: ModelVariables,
): Promise<SoundStreams> {
  const where = "createSoundStreams";
  try {
    checkModelVariables(where, variables);
    if (!kernelsAreFast()) throw expected(where, "WebAssembly with SIMD", "an engine without it");
    const { bringIn, lastingWorkspace, streamLayers } = await kernels();
    const layers = streamedModel(where, model, streamLayers);
    const work = await lastingWorkspace();
    const { params } = variables;
    const own = {
      encoder: await bringIn(work, params.encoder),
      decoder: await bringIn(work, params.decoder),
    };
    return soundStreams({ model, variables, layers, work, own });
  } catch (error) {
    release(variables);
    throw error;
  }
}

interface Streamed {
  readonly encoder: StreamedLayers;
  readonly decoder: StreamedLayers;
}

/** The layers of a model, or what is wrong with it. */
function streamedModel(where: string, model: Model, stream: typeof streamLayers): Streamed {
  const { lengthMultiple: unit, layers, quantizer } = model;
  if (!(unit > 1))
    throw expected(`${where}: model`, "padEnd as its first layer", model.config.parts[0]);
  const encoder = stream(layers.encoder, { where, unit, channels: 1 });
  const decoder = stream(layers.decoder, {
    where,
    unit: 1,
    channels: quantizer.outputs ?? quantizer.dim,
  });
  return { encoder, decoder };
}

interface Parts {
  readonly model: Model;
  readonly variables: ModelVariables;
  readonly layers: Streamed;
  readonly work: Workspace;
  readonly own: { readonly encoder: Addresses; readonly decoder: Addresses };
}

/** What a stream carries from piece to piece. */
interface Series {
  readonly start: number;
  /** Whether it has gone back. */
  ended: boolean;
}

/** Throws unless codes are of one sound, and as many as their shape says. */
function checkPiece(piece: SoundCodes): void {
  const { codes, shape } = (piece ?? {}) as Partial<SoundCodes>;
  if (!(codes instanceof Int32Array) || codes.length === 0) {
    throw expected(
      "decoder: piece",
      "codes in an Int32Array, as the encoder gives them",
      codes ?? piece,
    );
  }
  const fits =
    Array.isArray(shape) &&
    shape[0] === 1 &&
    shape.reduce((product, side) => product * side, 1) === codes.length;
  if (fits) return;
  throw expected("decoder: shape", `[1, frames, ...] of ${codes.length} codes`, shape);
}

function soundStreams({ model, variables, layers, work, own }: Parts): SoundStreams {
  const { quantizer, lengthMultiple: unit } = model;
  let open = true;
  const checkOpen = (where: string) => {
    if (open) return;
    throw new VectorQuantizeError(
      `${where}: expected streams in use, got some that are disposed of`,
    );
  };

  const quantizers = (where: string) => {
    checkOpen(where);
    return tree.ref({
      params: variables.params.quantizer,
      state: variables.state,
    } as never) as never;
  };

  /** A piece through layers, as an array. */
  async function through(
    side: "encoder" | "decoder",
    series: Series,
    numbers: Float32Array,
    steps: number,
  ): Promise<{ numbers: Float32Array<ArrayBuffer>; shape: readonly number[] }> {
    return work.pool.exclusive(async () => {
      checkOpen(side);
      if (series.ended)
        throw new VectorQuantizeError(`${side}: expected a stream in use, got its end`);
      const x = work.copyOf(numbers);
      const { y, shape } = await layers[side].run(work, own[side], series.start, { x, steps });
      const size = shape.reduce((a, b) => a * b, 1);
      const found = work.floats(y, size).slice() as Float32Array<ArrayBuffer>;
      work.release(y);
      return { numbers: found, shape };
    });
  }

  /** A stream's transformer, with a series that goes back whatever ends the stream. */
  function transformed<I, O>(
    side: "encoder" | "decoder",
    transformerOf: (series: Series) => Pick<Transformer<I, O>, "flush"> & {
      transform(piece: I, controller: TransformStreamDefaultController<O>): Promise<void>;
    },
  ): TransformStream<I, O> {
    checkOpen(side);
    const series: Series = { start: layers[side].begin(work), ended: false };
    const { transform, flush } = transformerOf(series);
    const end = () => {
      if (open && !series.ended) work.release(series.start);
      series.ended = true;
    };
    const transformer: Transformer<I, O> & { cancel(): Promise<void> } = {
      async transform(piece, controller) {
        try {
          await transform(piece, controller);
        } catch (error) {
          end();
          throw error;
        }
      },
      async flush(controller) {
        try {
          await flush?.(controller);
        } finally {
          end();
        }
      },
      // A piece that is on its way ends first.
      cancel: () => work.pool.exclusive(end),
    };
    return new TransformStream(transformer);
  }

  async function encodePiece(
    series: Series,
    samples: Float32Array,
  ): Promise<Omit<SoundCodes, "samples">> {
    const { numbers, shape } = await through("encoder", series, samples, samples.length);
    const indices = await quantizer.encode(
      quantizers("encoder"),
      np.array(numbers, { shape: [...shape] }),
    );
    const codes = (await indices.ref.data()) as Int32Array<ArrayBuffer>;
    const found = { codes, shape: indices.shape };
    indices.dispose();
    return found;
  }

  async function decodePiece(series: Series, piece: SoundCodes) {
    checkPiece(piece);
    const { codes, shape, samples } = piece;
    const indices = np.array(codes, { shape: [...shape], dtype: np.int32 });
    const vectors = quantizer.decode(quantizers("decoder"), indices);
    const [, steps] = vectors.shape as [number, number];
    const numbers = (await vectors.data()) as Float32Array;
    checkInteger("decoder: samples", samples, 0, steps * unit);
    const found = await through("decoder", series, numbers, steps);
    return found.numbers.subarray(0, samples);
  }

  return {
    latency: unit,

    encoder: () =>
      transformed<Float32Array, SoundCodes>("encoder", (series) => {
        let rest = new Float32Array(0);
        return {
          async transform(piece, controller) {
            if (!(piece instanceof Float32Array))
              throw expected("encoder: samples", "a Float32Array", piece);
            const all = new Float32Array(rest.length + piece.length);
            all.set(rest);
            all.set(piece, rest.length);
            let at = 0;
            for (let units = MOST_UNITS; units >= 1; units /= 2) {
              for (; all.length - at >= units * unit; at += units * unit) {
                const samples = units * unit;
                const found = await encodePiece(series, all.subarray(at, at + samples));
                controller.enqueue({ ...found, samples });
              }
            }
            rest = all.slice(at);
          },
          async flush(controller) {
            if (rest.length === 0) return;
            const last = new Float32Array(unit);
            last.set(rest);
            controller.enqueue({ ...(await encodePiece(series, last)), samples: rest.length });
          },
        };
      }),

    decoder: () =>
      transformed<SoundCodes, Float32Array<ArrayBuffer>>("decoder", (series) => ({
        async transform(piece, controller) {
          controller.enqueue(await decodePiece(series, piece));
        },
      })),

    dispose() {
      if (!open) return;
      open = false;
      release(variables);
      // A piece that is on its way ends first.
      void work.pool.exclusive(() => work.free());
    },
  };
}
