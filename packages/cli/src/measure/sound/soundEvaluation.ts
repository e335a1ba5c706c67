import { hasCodes } from "vector-quantize";
import type { SoundModel } from "../../codec/modelFile.ts";
import type { CodeChooser } from "../../codec/rdo.ts";
import { createSoundCodec } from "../../codec/sounds.ts";
import type { Usage } from "../../codec/usage.ts";
import { collected } from "../../input/sound/collected.ts";
import { soundMetadata, vqInto } from "../../output/codeSinks.ts";
import { codeCounter } from "../codeCounts.ts";
import { type Likeness, likenessMeter } from "./likeness.ts";

/** A sound at a model's rate. */
export interface SoundToMeasure {
  readonly name: string;
  readonly samples: Float32Array<ArrayBuffer>;
  /** Its length and rate where it lies, if they are others. */
  readonly size?: readonly number[];
}

/** How well a model does on sounds. */
export interface SoundEvaluation extends Usage, Likeness {
  readonly sounds: number;
  readonly seconds: number;
  /** Of a `.vq` file of all of them. */
  readonly bytes: number;
  /** Bits a second of that file, of the codes packed as they are, and the entropy of codes told one by one. */
  readonly bitsPerSecond: number;
  readonly packedBitsPerSecond: number;
  readonly entropyBitsPerSecond: number;
  /** Of a residual quantizer: with the first layers alone, from one on. */
  readonly byLayers: readonly LayerEvaluation[];
}

/** What the first layers of a residual quantizer come to. */
export interface LayerEvaluation extends Likeness {
  readonly layers: number;
  readonly packedBitsPerSecond: number;
}

/** A sound on its way. */
export interface SeenSound<Sound extends SoundToMeasure> {
  readonly sound: Sound;
  readonly made: Float32Array<ArrayBuffer>;
  /** All that its codes decode to, whole hops. */
  readonly whole: Float32Array<ArrayBuffer>;
}

export interface SoundEvaluationOptions<Sound extends SoundToMeasure> {
  /** Whether to decode prefixes of the layers too, where the quantizer is residual. Default false. */
  readonly byLayers?: boolean;
  /** Chooses the codes; default: the model's own. */
  readonly chooser?: CodeChooser | undefined;
  /** Gets every sound with what was made of it. */
  see?(seen: SeenSound<Sound>): Promise<void> | void;
}

/** Encodes sounds and decodes them again, as the commands do, and compares at the model's rate. */
export async function evaluateSounds<Sound extends SoundToMeasure>(
  model: SoundModel,
  sounds: AsyncIterable<Sound> | Iterable<Sound>,
  { byLayers = false, chooser, see }: SoundEvaluationOptions<Sound> = {},
): Promise<SoundEvaluation> {
  const { sampleRate } = model.sounds;
  const { quantizer } = model.model;
  using codec = await createSoundCodec(model, chooser);
  const layers = quantizer.codebookSizes.length;
  const counts = codeCounter(quantizer);
  const vq = await vqInto(model, () => undefined, { metadata: soundMetadata(model) });
  const likeness = likenessMeter(sampleRate);
  const prefixes = byLayers ? prefixesOf(model) : [];
  const meters = prefixes.map(() => likenessMeter(sampleRate));
  let [count, samples] = [0, 0];
  for await (const sound of sounds) {
    const length = sound.samples.length;
    const { name, size = [length, sampleRate] } = sound;
    const codes = await codec.encode([sound.samples], name);
    counts.add(codes);
    await vq.add({ name, shape: [codes.length / layers], size, codes });
    const whole = await collected(codec.decode(codes, name));
    const made = whole.subarray(0, length);
    likeness.add(sound.samples, made);
    for (const [i, prefix] of prefixes.entries()) {
      const coarse = codes.map((code, at) => (prefix.has(at % layers) ? code : -1));
      const some = await collected(codec.decode(coarse, name));
      meters[i]?.add(sound.samples, some.subarray(0, length));
    }
    await see?.({ sound, made, whole });
    count += 1;
    samples += length;
  }
  const { bytes } = await vq.finish();
  const seconds = samples / sampleRate;
  const { packed, entropy } = counts.bits();
  return {
    ...counts.usage(),
    ...likeness.means(),
    ...{ sounds: count, seconds, bytes, bitsPerSecond: (8 * bytes) / seconds },
    packedBitsPerSecond: packed / seconds,
    entropyBitsPerSecond: entropy / seconds,
    byLayers: prefixes.map((prefix, i) => {
      const sizes = quantizer.codebookSizes.filter((_, layer) => prefix.has(layer));
      const bits = sizes.reduce((sum, size) => sum + Math.log2(size), 0);
      const positions = packed / quantizer.codebookSizes.reduce((sum, s) => sum + Math.log2(s), 0);
      const packedBitsPerSecond = (bits * positions) / seconds;
      return { layers: i + 1, packedBitsPerSecond, ...(meters[i] as (typeof meters)[0]).means() };
    }),
  };
}

/** Sets of layers that decode coarsely: the first, the first two, and so on, of every group. */
function prefixesOf({ model: { quantizer } }: SoundModel): Set<number>[] {
  if (!hasCodes(quantizer) || !/residual/i.test(quantizer.config.type)) return [];
  const groups = Math.max(1, (quantizer as { groups?: number }).groups ?? 1);
  const each = quantizer.codebookSizes.length / groups;
  return Array.from({ length: each }, (_, last) => {
    const all = quantizer.codebookSizes.map((_, layer) => layer);
    return new Set(all.filter((layer) => layer % each <= last));
  });
}

/** The numbers of an evaluation, without the uses of single codes. */
export function soundSummary({ counts: _, ...numbers }: SoundEvaluation) {
  return numbers;
}
