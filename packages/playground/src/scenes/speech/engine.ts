import { numpy as np, random, tree } from "@jax-js/jax";
import {
  createTrainingPass,
  type Quantizer,
  type ResidualVQOptions,
  residualVQ,
  type Variables,
} from "vector-quantize";
import { codeLayers, createVqWriter } from "vector-quantize/codes";
import type { Engine } from "../../engine/engine.ts";
import {
  frame,
  rate,
  type SpeechRow,
  type SpeechSettings,
  type SpeechSnapshot,
} from "./contract.ts";
import { signalToNoise, spectralFrames, spectrogramOf, toSound } from "./spectra.ts";
import { levelled, voice } from "./voice.ts";

type Numbers = Float32Array<ArrayBuffer>;

/** A sound of the user's, for whatever is trained from now on. */
let own: Numbers | undefined;

const make = ({ options }: SpeechSettings): Quantizer =>
  residualVQ({ dim: frame, ...options } as unknown as ResidualVQOptions) as never;

/** Learns codes of one sound: k-means for a start, then steps on all of its frames. */
export async function openSpeech(settings: SpeechSettings): Promise<Engine<SpeechSnapshot>> {
  let now = settings;
  const samples = settings.source === "own" && own ? own : voice(rate);
  const vectors = await spectralFrames(samples);
  const count = vectors.length / frame;
  const x = np.array(vectors.slice(), { shape: [count, frame] });
  const quantizer = make(settings);
  const layers = quantizer.codebookSizes.length;
  const run = createTrainingPass(quantizer);
  const fit = { key: random.key(1), iterations: 1, warn: () => {} };
  let variables: Variables = await quantizer.fit(quantizer.init(random.key(0)), x.ref, fit);
  const held = () => tree.ref(variables as never) as Variables;
  const original = await spectrogramOf(samples);
  let rows: SpeechRow[] = [];
  let step = 0;

  const encode = async (): Promise<Int32Array> =>
    (await quantizer.encode(held(), x.ref)).data() as never;

  /** What the first layers make of the codes: -1 adds nothing. */
  async function decode(codes: Int32Array, heard: number): Promise<Numbers> {
    const kept = Int32Array.from(codes, (code, i) => (i % layers < heard ? code : -1));
    const indices = np.array(kept, { shape: [count, layers], dtype: np.int32 });
    const decoded = await quantizer.decode(held(), indices).data();
    return toSound(decoded as Float32Array, samples.length);
  }
  const heard = () => Math.min(now.layers, layers);

  return {
    pause: 400,
    async step() {
      const { quantized, dispose } = await run(held(), x.ref, { key: random.key(step) });
      dispose();
      const { losses, state, ...others } = quantized;
      const [error] = await np.sum(losses.commitment as np.Array).data();
      const { commitment, ...rest } = losses;
      tree.dispose([others, rest, variables.state] as never);
      variables = { ...variables, state };
      rows.push([step++, error as number]);
    },
    async snapshot() {
      const codes = await encode();
      const sounds: Numbers[] = [];
      for (let few = 1; few <= layers; few++) sounds.push(await decode(codes, few));
      const fresh = rows;
      rows = [];
      const seconds = samples.length / rate;
      const bits = Math.log2(quantizer.codebookSizes[0] as number);
      return {
        rows: fresh,
        seconds,
        original: { ...original, levels: original.levels.slice() },
        decoded: await spectrogramOf(sounds[heard() - 1] as Numbers),
        layers,
        signalToNoise: sounds.map((sound) => signalToNoise(samples, sound)),
        kilobits: (await fileBits(quantizer, codes, heard())) / seconds / 1000,
        plainKilobits: (count * heard() * bits) / seconds / 1000,
      };
    },
    async change(given) {
      const next = given as unknown as SpeechSettings;
      const { layers: _, ...before } = now;
      const { layers: __, ...after } = next;
      if (JSON.stringify(before) !== JSON.stringify(after)) return false;
      now = next;
      return true;
    },
    calls: {
      sound: async (given: Numbers) => {
        own = levelled(given);
      },
      original: async () => samples.slice(),
      decoded: async () => decode(await encode(), heard()),
    },
    dispose: () => tree.dispose([variables, x] as never),
  };
}

/** Bits of the first layers in a `.vq` file. */
async function fileBits(quantizer: Quantizer, codes: Int32Array, heard: number): Promise<number> {
  const layers = quantizer.codebookSizes.length;
  const kept = codes.filter((_, i) => i % layers < heard);
  const described = codeLayers(quantizer).slice(0, heard);
  const writer = createVqWriter({ layers: described }, () => {});
  await writer.add({ shape: [kept.length / heard], codes: kept });
  return 8 * (await writer.finish()).bytes;
}
