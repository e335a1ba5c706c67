import { checkBoolean, checkInteger, checkKnownOptions, expected } from "../errors.ts";
import { encodeGroup, type VqPicture } from "./group.ts";
import { Grouping } from "./grouping.ts";
import { headerBytes } from "./header.ts";
import { type IndexedGroup, indexBytes } from "./indexOfGroups.ts";
import {
  checkCodeLayers,
  checkGrid,
  checkSideLengths,
  columnOf,
  positionsOf,
  readyLayers,
} from "./layers.ts";
import { checkName } from "./names.ts";
import { checkPrior, type VqPrior } from "./prior.ts";
import type { VqHeader } from "./vqHeader.ts";

/** Options of `createVqWriter`. */
export interface VqWriterOptions extends VqHeader {
  /**
   * Positions of small pictures that are coded together: the more, the smaller the file, and the more
   * is read for one of them and lost with a damaged byte. A picture with a sixteenth of it stands alone.
   * 1: all do. Default 65536.
   */
  readonly groupPositions?: number;
  /**
   * Whether the file has the orders of its codes. If not, who reads it gives them: a few KB less, for
   * readers that have the model. Default true.
   */
  readonly storeOrders?: boolean;
  /**
   * What other codes of the same layers have told, from `trainPrior`: fewer bytes, most of all for a few
   * small pictures. Who reads the file must have it: the header has its name. Default: none.
   */
  readonly prior?: VqPrior;
}

/** Writes a file, picture by picture. One call at a time: wait for each. */
export interface VqWriter {
  /**
   * Adds a picture. Its codes are copied.
   *
   * @throws VectorQuantizeError if it doesn't fit the layers; then the file goes on without it.
   */
  add(picture: VqPicture): Promise<void>;
  /** Ends the file. */
  finish(): Promise<VqWritten>;
}

/** What a file has come to. */
export interface VqWritten {
  readonly pictures: number;
  readonly bytes: number;
}

const known = [
  ...["layers", "quantizer", "model", "metadata"],
  ...["groupPositions", "storeOrders", "prior"],
];
export const mostGroup = 2 ** 26;

/**
 * Makes a `.vq` file: the codes of any number of pictures, each in as few bytes as its statistics allow,
 * with names, checksums and an index (`docs/vq-format.md`). It holds one group of pictures in memory,
 * and some bytes a group for the index.
 *
 * ```ts
 * const parts: Uint8Array[] = [];
 * const writer = createVqWriter({ layers: [{ size: 512 }] }, (bytes) => void parts.push(bytes));
 * await writer.add({ name: "a/b.jpg", shape: [2, 2], codes: Int32Array.of(1, 2, 3, 511) });
 * await writer.finish();
 * ```
 *
 * @param options the layers of the codes, and what the file shall say about them.
 * @param write takes the file's bytes, in order; it is waited for.
 * @throws VectorQuantizeError for options that don't fit together.
 */
export function createVqWriter(
  options: VqWriterOptions,
  write: (bytes: Uint8Array<ArrayBuffer>) => unknown,
): VqWriter {
  const where = "createVqWriter";
  checkKnownOptions(where, options, known);
  const { groupPositions = 65536, storeOrders = true, prior, ...header } = options;
  checkCodeLayers(`${where}: layers`, header.layers);
  checkInteger(`${where}: groupPositions`, groupPositions, 1, mostGroup);
  checkBoolean(`${where}: storeOrders`, storeOrders);
  if (prior !== undefined) checkPrior(where, prior, header.layers);
  const layers = readyLayers(header.layers);
  const grouping = new Grouping(groupPositions);
  const groups: IndexedGroup[] = [];
  let pending: VqPicture[] = [];
  let pictures = 0;
  let bytes = 0;
  let state: "open" | "busy" | "finished" | "failed" = "open";
  let begin: Uint8Array<ArrayBuffer> | undefined = headerBytes(header, storeOrders, prior?.name);

  async function put(part: Uint8Array<ArrayBuffer>): Promise<void> {
    bytes += part.length;
    if (part.length > 0) await write(part);
  }

  async function start(): Promise<void> {
    const part = begin;
    begin = undefined;
    if (part) await put(part);
  }

  async function flush(): Promise<void> {
    if (pending.length === 0) return;
    const before = bytes;
    for (const part of encodeGroup(pending, layers, prior)) await put(part);
    groups.push({ length: bytes - before, pictures: pending.length });
    pending = [];
  }

  /** Keeps calls apart, and the file closed after one that failed in the middle of it. */
  async function alone<T>(call: string, work: () => Promise<T>): Promise<T> {
    if (state !== "open")
      throw expected(`vq ${call}`, "a writer that is open and waited for", state);
    state = "busy";
    try {
      const result = await work();
      state = call === "finish" ? "finished" : "open";
      return result;
    } finally {
      if (state === "busy") state = "failed";
    }
  }

  return {
    async add(picture) {
      const own = checkedPicture(`picture ${pictures}`, picture, header.layers);
      await alone("add", async () => {
        await start();
        const { first, last } = grouping.next(positionsOf(own.shape));
        if (first) await flush();
        pending.push(own);
        pictures++;
        if (last) await flush();
      });
    },
    finish: () =>
      alone("finish", async () => {
        await start();
        await flush();
        await put(indexBytes(groups));
        return { pictures, bytes };
      }),
  };
}

/** A copy of a picture that is sound. */
function checkedPicture(
  where: string,
  { name, shape, size, codes }: VqPicture,
  layers: VqHeader["layers"],
): VqPicture {
  if (name !== undefined) checkName(`${where}: name`, name);
  const called = name === undefined ? where : `${where}, ${JSON.stringify(name)}`;
  checkGrid(`${called}: shape`, shape);
  if (size !== undefined) checkSideLengths(`${called}: size`, size);
  const count = positionsOf(shape) * layers.length;
  if (codes?.length !== count)
    throw expected(`${called}: codes`, `${count} indices`, codes?.length);
  for (let q = 0; q < layers.length; q++) columnOf(called, codes, layers, q);
  return {
    shape: [...shape],
    codes: Int32Array.from(codes),
    ...(name !== undefined && { name }),
    ...(size !== undefined && size.length > 0 && { size: [...size] }),
  };
}

/**
 * A whole `.vq` file of pictures at hand.
 *
 * @throws VectorQuantizeError for options or pictures that don't fit together.
 */
export async function vqBytes(
  pictures: Iterable<VqPicture> | AsyncIterable<VqPicture>,
  options: VqWriterOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  const writer = createVqWriter(options, (bytes) => parts.push(bytes));
  for await (const picture of pictures) await writer.add(picture);
  const { bytes } = await writer.finish();
  const all = new Uint8Array(bytes);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
