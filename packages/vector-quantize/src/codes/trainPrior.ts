import { expected } from "../errors.ts";
import type { VqPicture } from "./group.ts";
import { mostPictures } from "./grouping.ts";
import { positionsOf } from "./layers.ts";
import { openPrior } from "./openPrior.ts";
import type { VqPrior } from "./prior.ts";
import type { VqHeader } from "./vqHeader.ts";
import { mostGroup, type VqWriterOptions, vqBytes } from "./writer.ts";

/** Most codes that are learned from, of all layers together. */
const mostCodes = 2 ** 18;
/** With room for fewer, no more are looked for. */
const leastRoom = 2 ** 12;

/** What `trainPrior` takes. */
export interface TrainPriorOptions extends VqHeader, Pick<VqWriterOptions, "storeOrders"> {}

/**
 * Learns from codes of a model, so that others of it take fewer bytes: one 32 x 32 image a fifth to a
 * quarter less than packed, in place of a tenth. The codes are to be like those that will be coded; of
 * pictures in an order that tells something, such as by classes, give a mixture.
 *
 * ```ts
 * const layers = [{ size: 512 }];
 * const one = { shape: [2, 2], codes: Int32Array.of(1, 2, 3, 511) };
 * const prior = await trainPrior([one], { layers }); // of many pictures, better
 * const bytes = await vqBytes([one], { layers, prior });
 * const file = await openVq(bytes, { prior: openPrior(prior.bytes) });
 * ```
 *
 * @param pictures are taken until there are 2^18 codes; those with more, or with positions that have none,
 *   are left out.
 * @throws VectorQuantizeError if no picture is left, or one doesn't fit the layers.
 */
export async function trainPrior(
  pictures: Iterable<VqPicture> | AsyncIterable<VqPicture>,
  options: TrainPriorOptions,
): Promise<VqPrior> {
  const taken = await firstOf(pictures);
  if (taken.length === 0) {
    throw expected(
      "trainPrior: pictures",
      `one of up to ${mostCodes} codes, none of them -1`,
      taken,
    );
  }
  const bytes = await vqBytes(taken, { ...options, groupPositions: mostGroup });
  const orders = options.layers.map(({ order }) => order);
  return openPrior(bytes, { where: "trainPrior", orders });
}

async function firstOf(pictures: Iterable<VqPicture> | AsyncIterable<VqPicture>) {
  const taken: VqPicture[] = [];
  let room = mostCodes;
  for await (const { shape, codes } of pictures) {
    if (codes.length > room || positionsOf(shape) === 0 || codes.includes(-1)) continue;
    taken.push({ shape, codes });
    room -= codes.length;
    if (room < leastRoom || taken.length === mostPictures) break;
  }
  return taken;
}
