/**
 * Search in vectors that are compressed, in typed arrays alone.
 *
 * @module vector-quantize/search
 */
export { type OpenCodeSearchOptions, openCodeSearch } from "../codes/openCodeSearch.ts";
export { saveCodeSearch } from "../codes/saveCodeSearch.ts";
export type { VqFileHandle, VqInput, VqSource } from "../codes/source.ts";
export type { CodeNeighbours } from "../kernels/scan/codeEngine.ts";
export type { CodeMetric, CodeQuantizer } from "../kernels/scan/codeQuantizer.ts";
export type {
  CodeSearch,
  CodeSearchOptions,
  CodeSearchQuery,
  IdFilter,
} from "../kernels/scan/codeSearch.ts";
export { createCodeSearch } from "../kernels/scan/createCodeSearch.ts";
export type { CodeEstimates } from "../kernels/scan/estimate.ts";
export { type FitProductCodesOptions, fitProductCodes } from "../kernels/scan/fitProductCodes.ts";
export { type ProductCodesOptions, productCodes } from "../kernels/scan/productCodes.ts";
export { type RabitqOptions, type RabitqQuantizer, rabitq } from "../kernels/scan/rabitq.ts";
export { meanVector } from "../kernels/scan/vectors.ts";
