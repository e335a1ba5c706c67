/**
 * Codes in few bytes, and `.vq` files of them.
 *
 * @module vector-quantize/codes
 */
export type { VqStream } from "../codes/byteStream.ts";
export { type BareCodes, codesFromBytes, codesToBytes } from "../codes/codesToBytes.ts";
export type { VqEntry, VqPicture } from "../codes/group.ts";
export type { VqPicturesOptions, VqReadOptions } from "../codes/groupCodes.ts";
export type { VqFileHeader } from "../codes/header.ts";
export { type CodeLayer, codeLayers, type SizedQuantizer } from "../codes/layers.ts";
export { openPrior, type PriorOptions } from "../codes/openPrior.ts";
export { openVq, type VqFile } from "../codes/openVq.ts";
export type { VqPrior } from "../codes/prior.ts";
export { createRdoEncoder, type RdoEncoder, type RdoOptions } from "../codes/rdoEncoder.ts";
export type { VqFileHandle, VqInput, VqSource } from "../codes/source.ts";
export { type StreamedVq, streamVq } from "../codes/streamVq.ts";
export { type TrainPriorOptions, trainPrior } from "../codes/trainPrior.ts";
export { treeOrder } from "../codes/treeOrder.ts";
export type { VqHeader } from "../codes/vqHeader.ts";
export {
  createVqWriter,
  type VqWriter,
  type VqWriterOptions,
  type VqWritten,
  vqBytes,
} from "../codes/writer.ts";
