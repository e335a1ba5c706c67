import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { openPrior, trainPrior, type VqPicture, type VqPrior } from "vector-quantize/codes";
import { Failure } from "../failure.ts";
import { readInput, writeFileSafely } from "../output/files.ts";
import type { CodedPicture } from "./codeShape.ts";
import type { Codec } from "./modelFile.ts";
import { modelHash } from "./modelHash.ts";
import { vqCodes } from "./vqCodes.ts";

/** What the prior of a model is called, in the folder of its run. */
export const priorName = "prior.vq";

/** Where the prior of a model lies: beside it. */
export const priorPath = ({ path }: { readonly path: string }) => join(dirname(path), priorName);

/** The prior of a model, from as many of these codes as it takes. */
export async function learnPrior(
  model: Codec,
  coded: AsyncIterable<CodedPicture>,
): Promise<VqPrior> {
  const { layers, toFile } = await vqCodes(model);
  async function* inFileOrder(): AsyncGenerator<VqPicture> {
    for await (const one of coded) yield toFile(one);
  }
  const hash = await modelHash(model);
  return trainPrior(inFileOrder(), { layers, model: hash, storeOrders: false });
}

/** Writes the prior of a trained model. If its codes can't have one, `note` is told why, and that is all. */
export async function writePrior(
  model: Codec,
  coded: AsyncIterable<CodedPicture>,
  path: string,
  note: (line: string) => void,
): Promise<void> {
  try {
    const { bytes } = await learnPrior(model, coded);
    await writeFileSafely(path, bytes);
  } catch (error) {
    const { name, message } = error as Error;
    if (name !== "VectorQuantizeError") throw error;
    note(`No prior is written: ${message}`);
  }
}

/**
 * Opens the prior that lies beside a model.
 *
 * @param needed the name of the one that a file was written with, and the file; default: any of the model.
 */
export async function openPriorOf(
  model: Codec & { readonly path: string },
  needed?: { readonly name: string; readonly file: string },
): Promise<VqPrior> {
  const path = priorPath(model);
  const wanted = needed
    ? `${needed.file}: expected the prior ${needed.name} that it was written with as ${path}`
    : `--prior: expected the prior of the model as ${path}`;
  if (!existsSync(path)) {
    const mend = needed ? "" : ". vq train writes it, and vq prior";
    throw new Failure(`${wanted}, got no such file${mend}`);
  }
  const { orders } = await vqCodes(model);
  const prior = openPrior(await readInput(path), { where: path, orders });
  const hash = await modelHash(model);
  if (prior.header.model !== hash) throw new Failure(`${wanted}, got that of another model`);
  if (needed && prior.name !== needed.name) throw new Failure(`${wanted}, got ${prior.name}`);
  return prior;
}
