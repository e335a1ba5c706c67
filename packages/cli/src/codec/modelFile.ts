import { stat } from "node:fs/promises";
import { join } from "node:path";
import { loadModel, type Model, type ModelVariables } from "vector-quantize/nn";
import { Failure } from "../failure.ts";
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

/** A model from a file. */
export interface ModelFile extends PictureModel {
  /** All that was stored beside the model. */
  readonly details: Readonly<Record<string, unknown>>;
  readonly bytes: number;
}

/** What a model is called in the folder of its run. */
export const modelName = "model.safetensors";

/** Reads a model from its file, or from the folder of its run. */
export async function openModel(fileOrFolder: string): Promise<ModelFile> {
  const found = await stat(fileOrFolder).catch(() => undefined);
  const path = found?.isDirectory() ? join(fileOrFolder, modelName) : fileOrFolder;
  const bytes = await readInput(path);
  const { model, variables, details } = loadModel(bytes, { file: path });
  const { images, settings } = details;
  const { patch } = (settings ?? {}) as Record<string, unknown>;
  if (!isPictureSize(images) || typeof patch !== "number") {
    throw new Failure(
      `${path}: expected a model that vq train wrote, got one without its settings`,
    );
  }
  return { model, variables, details, images, patch, path, bytes: bytes.length };
}

function isPictureSize(value: unknown): value is PictureSize {
  const { height, width, channels } = (value ?? {}) as Record<string, unknown>;
  return [height, width, channels].every(Number.isInteger);
}
