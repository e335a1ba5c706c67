/**
 * Typed arrays on all cores, without jax-js: exact search, k-means, levels, sums of codes.
 *
 * @module vector-quantize/kernels
 */
export {
  type KMeansOptions,
  type KMeansProgress,
  type KMeansResult,
  kmeans,
  type LabelledResult,
} from "../kernels/clustering/kmeans.ts";
export {
  type AssignStats,
  type AssignStatsOptions,
  assignStats,
} from "../kernels/codes/assignStats.ts";
export { type DecodeOptions, decodeSum, gather } from "../kernels/codes/gather.ts";
export { createPool, defaultPool, type PoolOptions } from "../kernels/engine/createPool.ts";
export type { Pool } from "../kernels/engine/pool.ts";
export {
  decodeLevels,
  type EncodedLevels,
  type EncodeLevelsOptions,
  encodeLevels,
  type WideIndices,
} from "../kernels/levels/encodeLevels.ts";
export { type FspCodecOptions, fspCodec } from "../kernels/levels/fspCodec.ts";
export type { Cdf } from "../kernels/levels/fspLevel.ts";
export { type FsqCodecOptions, fsqCodec } from "../kernels/levels/fsqCodec.ts";
export { type LevelCodec, type LevelRule, levelCodec } from "../kernels/levels/levelCodec.ts";
export {
  type ResidualFsqCodecOptions,
  residualFsqCodec,
} from "../kernels/levels/residualFsqCodec.ts";
export type { ResidualLevelCodec, ResidualLevels } from "../kernels/levels/residualLevelCodec.ts";
export { decodeResidualLevels, encodeResidualLevels } from "../kernels/levels/residualLevels.ts";
export { decodeSigns, encodeSigns } from "../kernels/levels/signs.ts";
export { createResidualSearch } from "../kernels/residual/createResidualSearch.ts";
export type {
  ResidualIndices,
  ResidualSearch,
  ResidualSearchOptions,
} from "../kernels/residual/residualSearch.ts";
export { residualStats } from "../kernels/residual/residualStats.ts";
export { createSearch } from "../kernels/search/createSearch.ts";
export type { KernelMetric } from "../kernels/search/packedCodebook.ts";
export type { Nearest, Search, SearchOptions } from "../kernels/search/search.ts";
