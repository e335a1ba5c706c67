import { random, tree } from "@jax-js/jax";
import fc from "fast-check";
import { expect, test } from "vitest";
import { defaultPool } from "../kernels/engine/createPool.ts";
import { fsq } from "../quantizers/fsq.ts";
import { multiscaleVQ } from "../quantizers/multiscaleVQ.ts";
import { residualFSQ } from "../quantizers/residualFSQ.ts";
import { type AudioAutoencoderOptions, audioAutoencoder } from "./audioAutoencoder.ts";
import { conv1d } from "./conv1d.ts";
import { convTranspose1d } from "./convTranspose1d.ts";
import { groupNorm } from "./groupNorm.ts";
import { padEnd } from "./padEnd.ts";
import { sequential } from "./sequential.ts";
import { createSoundStreams, type SoundCodes, type SoundStreams } from "./soundStreams.ts";

const small = { strides: [2, 3], width: 6, dilations: [1, 3], codeDim: 8, codebookSize: 16 };
const models: Record<string, AudioAutoencoderOptions> = {
  "residual vectors": { ...small, numQuantizers: 3 },
  "elu, wide, short kernels": {
    ...{ strides: [4], width: 16, dilations: [2], kernelSize: 3, codeDim: 8, codebookSize: 16 },
    ...{ numQuantizers: 2, activation: "elu" },
  },
  "residual scalars": {
    ...small,
    quantizer: residualFSQ({ dim: 8, levels: [5, 5, 5], numQuantizers: 2 }),
  },
  scales: {
    ...small,
    quantizer: multiscaleVQ({ dim: 8, codebookSize: 16, codebookDim: 4, strides: [2, 1] }),
  },
};

/** Pieces of `x`, cut at random; one of them may be a single sample, or none. */
function piecesOf(x: Float32Array, cuts: readonly number[]): Float32Array[] {
  const pieces: Float32Array[] = [];
  let at = 0;
  for (let i = 0; at < x.length; i++) {
    const length = cuts[i % cuts.length] as number;
    pieces.push(x.subarray(at, at + length));
    at += length;
  }
  return pieces;
}

async function collect<T>(stream: ReadableStream<T>): Promise<T[]> {
  const all: T[] = [];
  for (const reader = stream.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) return all;
    all.push(value);
  }
}

const streamOf = <T>(pieces: readonly T[]) =>
  new ReadableStream<T>({
    start(controller) {
      for (const piece of pieces) controller.enqueue(piece);
      controller.close();
    },
  });

const encoded = (streams: SoundStreams, pieces: readonly Float32Array[]): Promise<SoundCodes[]> =>
  collect(streamOf(pieces).pipeThrough(streams.encoder()));

async function decoded(streams: SoundStreams, codes: readonly SoundCodes[]): Promise<number[]> {
  const pieces = await collect(streamOf(codes).pipeThrough(streams.decoder()));
  return pieces.flatMap((piece) => [...piece]);
}

/** The codes of all pieces in the order of the whole's: of several scales each in the order of time. */
function joined(pieces: readonly SoundCodes[], strides: readonly number[]): number[] {
  if (strides.length === 1) return pieces.flatMap(({ codes }) => [...codes]);
  const share = strides.reduce((sum, stride) => sum + 1 / stride, 0);
  return strides.flatMap((_, scale) =>
    pieces.flatMap(({ codes }) => {
      const lengths = strides.map((stride) => codes.length / share / stride);
      const first = lengths.slice(0, scale).reduce((a, b) => a + b, 0);
      return [...codes.subarray(first, first + (lengths[scale] as number))];
    }),
  );
}

test.each(Object.entries(models))(
  "%s: pieces are the whole, to the bit",
  async (_name, options) => {
    const model = audioAutoencoder(options);
    const variables = model.init(random.key(3));
    const streams = await createSoundStreams(model, tree.ref(variables));
    expect(streams.latency).toBe(model.lengthMultiple);
    const strides = (model.quantizer.config.strides as number[] | undefined) ?? [1];
    const cuts = fc.array(fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 90 })), {
      ...{ minLength: 1, maxLength: 6 },
    });
    const property = fc.asyncProperty(
      fc.integer({ min: 1, max: 400 }),
      cuts,
      fc.nat(),
      async (length, cuts, seed) => {
        const x = random.uniform(random.key(seed), [1, length, 1], { minval: -1, maxval: 1 });
        const samples = (await x.ref.data()) as Float32Array;
        const indices = await model.encode(tree.ref(variables), x);
        const whole = await model.decode(tree.ref(variables), indices.ref);
        const pieces = await encoded(streams, piecesOf(samples, cuts));
        expect(joined(pieces, strides)).toEqual([...(await indices.data())]);
        const sound = await decoded(streams, pieces);
        expect(sound.length).toBe(length);
        expect(sound).toEqual([...((await whole.data()) as Float32Array)].slice(0, length));
      },
    );
    await fc.assert(property, { numRuns: 12 });
    streams.dispose();
    tree.dispose(variables as never);
  },
);

test("streams of one model don't meet, and give all memory back", async () => {
  const model = audioAutoencoder(models["residual vectors"]);
  const variables = model.init(random.key(0));
  const wave = (seed: number) =>
    random
      .uniform(random.key(seed), [100], { minval: -1, maxval: 1 })
      .data() as Promise<Float32Array>;
  const [a, b] = [await wave(1), await wave(2)];
  const pool = defaultPool();
  const before = pool.memory.used;
  const streams = await createSoundStreams(model, variables);
  const alone = await encoded(streams, [a]);
  const [first, second] = await Promise.all([
    encoded(streams, piecesOf(a, [7])),
    encoded(streams, piecesOf(b, [13])),
  ]);
  expect(joined(first, [1])).toEqual(joined(alone, [1]));
  expect(joined(second, [1])).not.toEqual(joined(first, [1]));
  expect(await encoded(streams, [])).toEqual([]);
  const late = encoded(streams, [a, b]);
  streams.dispose();
  streams.dispose();
  await expect(late).rejects.toThrow("disposed of");
  await pool.exclusive(() => {});
  expect(pool.memory.used).toBe(before);
  expect(() => streams.encoder()).toThrow("disposed of");
});

test("pieces that are none are errors, and every end gives the stream's memory back", async () => {
  const model = audioAutoencoder(models["residual vectors"]);
  const streams = await createSoundStreams(model, model.init(random.key(0)));
  const { used } = defaultPool().memory;
  const codes = new Int32Array(12);
  const piece = { codes, shape: [1, 4, 3], samples: 24 };
  for (const [wrong, words] of [
    [null, "decoder: piece: expected codes in an Int32Array, as the encoder gives them, got null"],
    [codes, "decoder: piece: expected codes in an Int32Array"],
    [{ ...piece, codes: [...codes] }, "decoder: piece: expected codes in an Int32Array"],
    [{ ...piece, codes: new Int32Array(0), shape: [1, 0, 3] }, "decoder: piece: expected codes"],
    [
      { codes, samples: 24 },
      "decoder: shape: expected [1, frames, ...] of 12 codes, got undefined",
    ],
    [{ ...piece, shape: [1, 5, 3] }, "decoder: shape: expected [1, frames, ...] of 12 codes"],
    [{ ...piece, shape: [2, 2, 3] }, "decoder: shape: expected [1, frames, ...] of 12 codes"],
    [{ ...piece, samples: 25 }, "decoder: samples: expected at most 24, got 25"],
    [{ ...piece, samples: -5 }, "decoder: samples: expected an integer of at least 0, got -5"],
    [{ codes, shape: [1, 4, 3] }, "decoder: samples: expected an integer of at least 0"],
  ] as const) {
    await expect(decoded(streams, [wrong as never])).rejects.toThrow(words);
  }
  await expect(encoded(streams, [new Float64Array(6) as never])).rejects.toThrow("a Float32Array");
  const { readable, writable } = streams.encoder();
  const written = writable.getWriter().write(new Float32Array(6 * 100));
  await readable.cancel("enough");
  await written.catch(() => {}); // whether it was still taken is the stream's to say
  await streams.decoder().writable.abort("enough");
  expect(defaultPool().memory.used).toBe(used);
  streams.dispose();
});

test("refuses what can't be streamed", async () => {
  const given = { ...small, numQuantizers: 1 };
  const trial = async (model: ReturnType<typeof sequential>) =>
    createSoundStreams(model, model.init(random.key(0)));
  await expect(trial(audioAutoencoder({ ...given, causal: false }))).rejects.toThrow(
    "createSoundStreams: model: expected layers that need nothing of what comes after, got",
  );
  const quantizer = fsq({ levels: [5, 5] });
  const up = { inChannels: 2, outChannels: 1, kernelSize: 4, stride: 2 };
  const down = conv1d({ inChannels: 1, outChannels: 2, kernelSize: 4, stride: 2, padding: [2, 0] });
  const pad = padEnd({ multiple: 2 });
  for (const decoder of [
    convTranspose1d({ ...up, padding: 1 }),
    groupNorm({ channels: 2, groups: 1 }),
  ]) {
    await expect(trial(sequential([pad, down, quantizer, decoder]))).rejects.toThrow(
      `got ${JSON.stringify(decoder.config.type)}`,
    );
  }
  const causal = convTranspose1d({ ...up, padding: "causal" });
  await expect(trial(sequential([down, quantizer, causal]))).rejects.toThrow("padEnd as its first");
  const streams = await trial(sequential([pad, down, quantizer, causal]));
  const wrong = streamOf<never>([[1, 2] as never]).pipeThrough(streams.encoder());
  await expect(collect(wrong)).rejects.toThrow("a Float32Array");
  streams.dispose();
});
