import { tree } from "@jax-js/jax";
import type { VqPicture } from "vector-quantize/codes";
import { shapeImages } from "vector-quantize/data";
import type { Engine } from "../../engine/engine.ts";
import { openImages } from "../images/engine.ts";
import type {
  ModelsSettings,
  ModelsSnapshot,
  NamedFile,
  OpenedCodes,
  PicturePixels,
} from "./contract.ts";
import { type Found, findIn, fromState, type LoadedModel, tensorsIn } from "./openFiles.ts";
import { codePicture, decodePicture } from "./pictureCodes.ts";
import { codeSound, decodeSound } from "./soundCodes.ts";
import { codeVectors } from "./vectorCodes.ts";
import { vqOfModel } from "./vqFiles.ts";

/** What is open; it stays while other scenes are looked at. */
let now: Found = {};

/** A model to begin with: some seconds of training. */
const sampleSteps = 150;
const sampleSettings = {
  source: "shapes",
  quantizer: "vectorQuantize",
  options: {
    dim: 8,
    codebookSize: 256,
    decay: 0.9,
    commitmentWeight: 0.25,
    gradient: "straightThrough",
  },
  patch: 4,
  width: 32,
  rate: 0.003,
} as const;
const samplePicture = { size: 96, seed: 12 };

/** Pictures of a `.vq` file that are decoded at once. */
const mostDecoded = 12;

/** Opens files, and takes pictures and vectors through what is in them. */
export async function openModels(): Promise<Engine<ModelsSnapshot>> {
  const take = (found: Found) => {
    if (found.model && now.model) tree.dispose(now.model.variables as never);
    // Codes are opened for the model that is there already, and the other way round.
    const kept = found.codes && !found.model ? now : {};
    now = { ...kept, ...found };
  };
  const model = (): LoadedModel => {
    if (!now.model) throw new Error("Expected a model to be open.");
    return now.model;
  };
  return {
    snapshot: async () => snapshotOf(now),
    change: async () => true,
    calls: {
      open: async (files: readonly NamedFile[]) => {
        take(await findIn(files));
        return snapshotOf(now);
      },
      interpret: async (form: ModelsSettings) => {
        if (!now.state) throw new Error("Expected a file of PyTorch to be open.");
        take({ ...now, model: await fromState(now.state, form) });
        return snapshotOf(now);
      },
      sample: async () => {
        if (!now.model && !now.state && !now.codes) take(await findIn([await trainSample()]));
        return snapshotOf(now);
      },
      picture: (pixels?: PicturePixels) => codePicture(model(), pixels ?? builtInPicture()),
      vectors: (file?: NamedFile) => codeVectors(model(), file),
      sound: (samples?: Float32Array<ArrayBuffer>) => codeSound(model(), samples),
      decode: () => decodeFile(model(), now, decodePicture),
      decodeSounds: () => decodeFile(model(), now, decodeSound),
      save: async () => model().bytes.slice(),
    },
    dispose: () => {},
  };
}

function snapshotOf({ model, state, codes }: Found): ModelsSnapshot {
  return {
    ...(model && { model: model.opened }),
    ...(state && !model && { tensors: tensorsIn(state) }),
    ...(codes && { codes: codesOf(codes) }),
  };
}

function codesOf({ name, file }: NonNullable<Found["codes"]>): OpenedCodes {
  const { header, count, bytes, damage } = file;
  return {
    file: name,
    count,
    bytes,
    damage,
    layers: header.layers.map(({ size }) => size),
    ...(header.quantizer && { of: header.quantizer.type }),
    ...(header.prior !== undefined && { prior: header.prior }),
  };
}

async function trainSample(): Promise<NamedFile> {
  const engine = await openImages(sampleSettings);
  try {
    for (let step = 0; step < sampleSteps; step++) await engine.step?.();
    const save = engine.calls?.model as () => Promise<Uint8Array<ArrayBuffer>>;
    return { name: "sample.safetensors", bytes: await save() };
  } finally {
    engine.dispose();
  }
}

function builtInPicture(): PicturePixels {
  const { size, seed } = samplePicture;
  const { pixels } = shapeImages({ count: 1, size, seed });
  return { width: size, height: size, rgb: Uint8Array.from(pixels) };
}

async function decodeFile<Decoded>(
  loaded: LoadedModel,
  found: Found,
  decode: (loaded: LoadedModel, one: VqPicture) => Promise<Decoded>,
): Promise<Decoded[]> {
  const file = await vqOfModel(loaded, found);
  const decoded: Decoded[] = [];
  for (let number = 0; number < Math.min(file.count, mostDecoded); number++) {
    decoded.push(await decode(loaded, await file.picture(number)));
  }
  return decoded;
}
