import { existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { loadModel, type Model, type ModelVariables } from "vector-quantize/nn";
import { Failure } from "../failure.ts";
import type { SoundSize } from "../input/sound/soundFiles.ts";
import { readInput } from "../output/files.ts";
import type { PictureSize } from "../output/pictures.ts";

/** A trained model. Its variables stay alive: functions take references of their own. */
export interface Codec {
  readonly model: Model;
  readonly variables: ModelVariables;
}

/** A model that pictures go through, and the images that it was trained on. */
export interface PictureModel extends Codec {
  readonly images: PictureSize;
  /** Pixels per code, along each side. */
  readonly patch: number;
  /** What errors call it. */
  readonly path: string;
}

/** A model that sounds go through. */
export interface SoundModel extends Codec {
  /** What it was trained on, and whether its codes depend on nothing that comes later. */
  readonly sounds: SoundSize & { readonly causal: boolean };
  /** What errors call it. */
  readonly path: string;
}

/** A model from a file: one that `vq train` wrote, or a quantizer that `vq import` did. */
export interface SavedModel extends Codec {
  /** What errors call it. */
  readonly path: string;
  /** All that was stored beside the model. */
  readonly details: Readonly<Record<string, unknown>>;
  readonly bytes: number;
}

/** A model of images from a file. */
export interface ModelFile extends SavedModel, PictureModel {}

/** What a model is called in the folder of its run. */
export const modelName = "model.safetensors";

/** Reads a model of images from its file, or from the folder of its run. */
export async function openModel(fileOrFolder: string): Promise<ModelFile> {
  return ofImages(await openSaved(fileOrFolder));
}

/** Reads any model from its file, or from the folder of its run. */
export async function openSaved(fileOrFolder: string): Promise<SavedModel> {
  const found = await stat(fileOrFolder).catch(() => undefined);
  const path = found?.isDirectory() ? join(fileOrFolder, modelName) : fileOrFolder;
  if (found?.isDirectory() && !existsSync(path)) {
    throw new Failure(
      `${fileOrFolder}: expected a model or the folder of a run, got a folder without ${modelName}`,
    );
  }
  const bytes = await readInput(path);
  const { model, variables, details } = loadModel(bytes, { file: path });
  return { model, variables, details, path, bytes: bytes.length };
}

/** A model of sounds from a file. */
export interface SoundModelFile extends SavedModel, SoundModel {}

/** Whether there is nothing around the quantizer. */
export function isAlone({ model }: Pick<SavedModel, "model">): boolean {
  return model.config.parts.length === 1;
}

/** The model as one of images; throws one line if it is none. */
export function ofImages(saved: SavedModel): ModelFile {
  const { images, settings } = saved.details;
  const { patch } = (settings ?? {}) as Record<string, unknown>;
  if (isPictureSize(images) && typeof patch === "number") return { ...saved, images, patch };
  if (ofSounds(saved))
    throw new Failure(`${saved.path}: expected a model of images, got one of sounds`);
  const got = isAlone(saved) ? "a quantizer alone" : "one without its settings";
  throw new Failure(`${saved.path}: expected a model that vq train wrote, got ${got}`);
}

/** The model as one of sounds, if it is one. */
export function ofSounds(saved: SavedModel): SoundModelFile | undefined {
  const { sounds } = saved.details;
  return isSoundSize(sounds) ? { ...saved, sounds } : undefined;
}

function isSoundSize(value: unknown): value is SoundModel["sounds"] {
  const { sampleRate, samples, causal } = (value ?? {}) as Record<string, unknown>;
  if (typeof causal !== "boolean") return false;
  return [sampleRate, samples].every((each) => Number.isInteger(each) && (each as number) > 0);
}

function isPictureSize(value: unknown): value is PictureSize {
  const { height, width, channels } = (value ?? {}) as Record<string, unknown>;
  return [height, width, channels].every(Number.isInteger);
}
