import { numpy as np, tree } from "@jax-js/jax";
import type { VqPicture } from "vector-quantize/codes";
import { voice } from "../speech/voice.ts";
import type { CodedSound } from "./contract.ts";
import { digestOf } from "./digest.ts";
import type { LoadedModel } from "./openFiles.ts";
import { layersOf } from "./pictureCodes.ts";
import { vqFileOf } from "./vqFiles.ts";

type Samples = Float32Array<ArrayBuffer>;

const own = ({ variables }: LoadedModel) => tree.ref(variables as never) as typeof variables;

/** What comes out for codes `[positions, Q]`, cut to a length if it is known. */
async function decode(loaded: LoadedModel, codes: Int32Array, length?: number): Promise<Samples> {
  const { layers, perVector } = layersOf(loaded);
  const shape = [1, codes.length / layers, ...perVector];
  const indices = np.array(Int32Array.from(codes), { shape, dtype: np.int32 });
  const output = await loaded.model.decode(own(loaded), indices);
  return Float32Array.from((await output.data()) as Float32Array).slice(0, length);
}

/** Encodes a sound at the model's rate, or the built-in voice, and decodes it again. */
export async function codeSound(loaded: LoadedModel, given?: Samples): Promise<CodedSound> {
  const rate = loaded.opened.rate as number;
  const original = given ?? voice(rate);
  const x = np.array(original.slice(), { shape: [1, original.length, 1] });
  const codes = Int32Array.from(await (await loaded.model.encode(own(loaded), x)).data());
  const shape = [codes.length / layersOf(loaded).layers];
  return {
    original,
    output: await decode(loaded, codes, original.length),
    file: await vqFileOf(loaded, { shape, size: [original.length, rate], codes }),
    digest: await digestOf(codes),
  };
}

/** Decodes a sound of a `.vq` file, at the model's rate. */
export async function decodeSound(loaded: LoadedModel, sound: VqPicture): Promise<CodedSound> {
  const [samples, rate] = sound.size ?? [];
  const known = samples !== undefined && rate !== undefined;
  const length = known ? Math.round((samples * (loaded.opened.rate as number)) / rate) : undefined;
  return {
    output: await decode(loaded, sound.codes, length),
    ...(sound.name !== undefined && { name: sound.name }),
    file: new Uint8Array(),
    digest: await digestOf(sound.codes),
  };
}
