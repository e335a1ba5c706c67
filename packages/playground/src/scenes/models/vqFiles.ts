import type { numpy as np } from "@jax-js/jax";
import type { ArrayTree } from "vector-quantize";
import {
  type CodeLayer,
  codeLayers,
  createVqWriter,
  openPrior,
  openVq,
  treeOrder,
  type VqFile,
  type VqPicture,
} from "vector-quantize/codes";
import { flattenTree } from "vector-quantize/safetensors";
import { bytesOf, sha256 } from "./digest.ts";
import type { Found, LoadedModel } from "./openFiles.ts";

/** How a model's codes lie in `.vq` files, the same as `vq encode` writes. */
export interface CodesOfModel {
  readonly layers: CodeLayer[];
  readonly orders: (Uint32Array | undefined)[];
  /** By which a file knows its model. */
  readonly hash: string;
}

const most = 2 ** 16;
const hashDigits = 32;

/** Layers with the order of their codes, which whoever has the model can make again. */
export async function codesOfModel({ model, variables }: LoadedModel): Promise<CodesOfModel> {
  const { quantizer } = model;
  if ("groups" in quantizer) {
    throw new Error("Codes of groups are not taken here: vq encode and vq decode do that.");
  }
  const orders = await ordersOf(variables.state, quantizer.codebookSizes);
  const layers = codeLayers(quantizer, orders);
  return { layers, orders, hash: await hashOf(variables as ArrayTree) };
}

async function ordersOf(state: ArrayTree, sizes: readonly number[]): Promise<Uint32Array[]> {
  const arrays = Object.entries(flattenTree(state)) as [string, np.Array][];
  const books = arrays.filter(([name]) => /(^|\.)codebook$/.test(name)).map(([, array]) => array);
  const fits = books.every(
    ({ shape }, q) => shape.length === 2 && shape[0] === sizes[q] && (sizes[q] ?? 0) <= most,
  );
  if (books.length !== sizes.length || !fits) return [];
  return Promise.all(
    books.map(async (book) =>
      treeOrder((await book.ref.data()) as Float32Array, book.shape[1] as number),
    ),
  );
}

/** The hash of a model's arrays: names, shapes and bytes, in the order of the names. */
async function hashOf(variables: ArrayTree): Promise<string> {
  const arrays = Object.entries(flattenTree(variables)) as [string, np.Array][];
  const parts: Uint8Array[] = [];
  for (const [name, array] of arrays.sort(([a], [b]) => (a < b ? -1 : 1))) {
    parts.push(new TextEncoder().encode(`${name}\n${array.shape.join(",")}\n`));
    parts.push(bytesOf(await array.ref.data()));
  }
  return `sha256:${(await sha256(parts)).slice(0, hashDigits)}`;
}

/** A `.vq` file of one picture or sound. */
export async function vqFileOf(
  loaded: LoadedModel,
  picture: VqPicture,
): Promise<Uint8Array<ArrayBuffer>> {
  const { layers, hash } = await codesOfModel(loaded);
  const { type, rate } = loaded.opened;
  const parts: Uint8Array<ArrayBuffer>[] = [];
  const options = {
    layers,
    quantizer: { type },
    model: hash,
    storeOrders: false,
    ...(rate !== undefined && { metadata: { sampleRate: rate } }),
  };
  const writer = createVqWriter(options, (bytes) => void parts.push(bytes));
  await writer.add(picture);
  await writer.finish();
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/** The codes of a file, once it is known to be of this model. */
export async function vqOfModel(loaded: LoadedModel, { codes, prior }: Found): Promise<VqFile> {
  if (!codes) throw new Error("Expected a .vq file to be open.");
  const { layers, orders, hash } = await codesOfModel(loaded);
  const { header } = codes.file;
  if (header.model !== undefined && header.model !== hash) {
    throw new Error(
      `${codes.name}: expected codes of the open model, ${hash}, got those of another, ${header.model}.`,
    );
  }
  const sizes = (all: readonly CodeLayer[]) => all.map(({ size }) => size).join(", ");
  if (sizes(header.layers) !== sizes(layers)) {
    throw new Error(
      `${codes.name}: expected codebooks of ${sizes(layers)} codes, as the open model has, got ${sizes(header.layers)}.`,
    );
  }
  if (header.prior !== undefined && !prior) {
    throw new Error(
      `${codes.name}: expected the prior that it was written with, prior.vq of the model's run, to be opened with it.`,
    );
  }
  return openVq(codes.bytes, {
    where: codes.name,
    orders,
    ...(header.prior !== undefined && prior && { prior: openPrior(prior.bytes, { orders }) }),
  });
}
