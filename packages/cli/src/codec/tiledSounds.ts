import { numpy as np, tree } from "@jax-js/jax";
import { type Tiling, tilingOf } from "vector-quantize/nn";
import { Failure } from "../failure.ts";
import { checkCoded, checkPixels, checkVectors } from "./checks.ts";
import { codeShape, fromFileOrder, toFileOrder } from "./codeShape.ts";
import type { SoundModel } from "./modelFile.ts";
import type { CodeChooser } from "./rdo.ts";
import type { SoundCodec, SoundPieces } from "./soundCodec.ts";

/** Samples that are computed at once, but for what must be seen around them. */
const samplesAtOnce = 2 ** 16;

/**
 * Sounds through a model whose codes may depend on what comes later: in tiles that see enough around them.
 *
 * @param chooser chooses the codes, of a whole sound at once, whose vectors are held; default: the model's own
 */
export function tiledSounds(
  { model, variables, path }: SoundModel,
  chooser?: CodeChooser,
): SoundCodec {
  const order = codeShape(model.quantizer);
  const hop = model.lengthMultiple;
  const layers = model.quantizer.codebookSizes.length;
  const encoder = windowOf(tilingOf(model.layers.encoder), samplesAtOnce);
  const decoder = windowOf(tilingOf(model.layers.decoder), Math.ceil(samplesAtOnce / hop));
  if (!encoder || !decoder) {
    throw new Failure(`${path}: expected layers that tell how far they see, got others`);
  }

  async function codesOf(samples: Float32Array<ArrayBuffer>, called: string): Promise<Int32Array> {
    const x = np.array(samples, { shape: [1, samples.length, 1] });
    const indices = await model.encode(tree.ref(variables as never), x);
    const codes = (await toFileOrder(indices, order).data()) as Int32Array;
    checkCoded(codes, codes.length, () => called);
    return codes;
  }

  /** What the quantizer compares of samples, `features` numbers a position, and the codebooks. */
  async function vectorsOf(samples: Float32Array<ArrayBuffer>, called: string) {
    const x = np.array(samples, { shape: [1, samples.length, 1] });
    const compared = await model.comparison(tree.ref(variables as never), x);
    const features = compared.vectors.shape[1] as number;
    const vectors = (await compared.vectors.data()) as Float32Array;
    checkVectors(vectors, vectors.length, () => called);
    return { vectors, features, codebooks: compared.codebooks };
  }

  /** The codes that are chosen for their bits too. */
  async function chosen(choose: CodeChooser, pieces: SoundPieces, called: string) {
    let codebooks: np.Array[] = [];
    let features = 1;
    const parts = await inWindows(pieces, async (samples) => {
      const found = await vectorsOf(samples, called);
      tree.dispose(codebooks);
      ({ codebooks, features } = found);
      return found.vectors;
    });
    if (parts.length === 0) return new Int32Array(0);
    const vectors = joined(parts, (length) => new Float32Array(length));
    const encoder = await choose(codebooks, features);
    return encoder.encode(vectors, [vectors.length / features]);
  }

  /** What `run` makes of a sound window by window, but for what was computed twice. */
  async function inWindows<T extends Int32Array | Float32Array>(
    pieces: SoundPieces,
    run: (samples: Float32Array<ArrayBuffer>) => Promise<T>,
  ): Promise<T[]> {
    const { step, before, after } = encoder as Window;
    const made: T[] = [];
    const kept = createWindow();
    let at = 0; // the first sample of which nothing is made
    const take = async (to: number, end: number) => {
      const from = Math.max(0, at - before);
      const values = await run(kept.cut(from, end));
      const each = (values.length * hop) / (end - from);
      const skip = (at - from) / hop;
      made.push(values.subarray(skip * each, (skip + (to - at) / hop) * each) as T);
      at = to;
      kept.forget(at - before);
    };
    for await (const piece of pieces) {
      kept.add(piece);
      while (kept.end >= at + step + after) await take(at + step, at + step + after);
    }
    const padded = Math.ceil(kept.end / hop) * hop;
    kept.add(new Float32Array(padded - kept.end));
    while (at < padded) {
      await take(Math.min(padded, at + step), Math.min(padded, at + step + after));
    }
    return made;
  }

  async function samplesOf(codes: Int32Array<ArrayBuffer>, called: string): Promise<Float32Array> {
    const shape = [1, codes.length / layers, ...order.perVector];
    const array = np.array(codes, { shape, dtype: np.int32 });
    const output = await model.decode(tree.ref(variables as never), fromFileOrder(array, order));
    const samples = (await output.data()) as Float32Array;
    checkPixels(samples, samples.length, () => called);
    return samples;
  }

  return {
    async encode(pieces, called) {
      if (chooser) return chosen(chooser, pieces, called);
      return joined(
        await inWindows(pieces, (samples) => codesOf(samples, called)),
        (length) => new Int32Array(length),
      );
    },
    async *decode(codes, called) {
      const { step, before, after } = decoder;
      const frames = codes.length / layers;
      for (let at = 0; at < frames; at += step) {
        const to = Math.min(frames, at + step);
        const [from, end] = [Math.max(0, at - before), Math.min(frames, to + after)];
        const given = codes.slice(from * layers, end * layers) as Int32Array<ArrayBuffer>;
        const samples = await samplesOf(given, called);
        yield samples.slice((at - from) * hop, (to - from) * hop) as Float32Array<ArrayBuffer>;
      }
    },
    [Symbol.dispose]() {},
  };
}

/** How inputs are cut: what `step` of them make is right if so many are seen around them. */
interface Window {
  readonly step: number;
  readonly before: number;
  readonly after: number;
}

/** The window of layers, wherever it stands: that of a tile in the middle of something long. */
function windowOf(tiling: Tiling | undefined, most: number): Window | undefined {
  if (!tiling || tiling.whole) return undefined;
  const [down, up] = [tiling.down[0], tiling.up[0]];
  const tiles = tiling.along(0, Math.ceil((64 * most) / down) * down, most);
  const tile = tiles[tiles.length >> 1];
  if (!tile || tiles.length < 3) return undefined;
  const [from, to] = [(tile.output.from * down) / up, (tile.output.to * down) / up];
  return { step: to - from, before: from - tile.input.from, after: tile.input.to - to };
}

/** Samples of which the first are forgotten. */
function createWindow() {
  let samples = new Float32Array(0);
  let [begin, end] = [0, 0];
  return {
    get end() {
      return end;
    },
    add(piece: Float32Array) {
      const held = end - begin;
      if (held + piece.length > samples.length) {
        const larger = new Float32Array(2 * (held + piece.length));
        larger.set(samples.subarray(0, held));
        samples = larger;
      }
      samples.set(piece, held);
      end += piece.length;
    },
    cut: (from: number, to: number) => samples.slice(from - begin, to - begin),
    forget(to: number) {
      if (to <= begin) return;
      samples.copyWithin(0, to - begin, end - begin);
      begin = to;
    },
  };
}

/** Parts one after another. */
export function joined<T extends Int32Array | Float32Array>(
  parts: readonly T[],
  allocate: (length: number) => T,
): T {
  const all = allocate(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
