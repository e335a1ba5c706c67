export { type KMeansOptions, type KMeansResult, kmeans } from "./clustering/kmeans.ts";
export { type AssignStats, type AssignStatsOptions, assignStats } from "./codes/assignStats.ts";
export { type DecodeOptions, decodeSum, gather } from "./codes/gather.ts";
export { createPool, defaultPool, type PoolOptions } from "./engine/createPool.ts";
export type { Pool } from "./engine/pool.ts";
export {
  decodeLevels,
  type EncodedLevels,
  type EncodeLevelsOptions,
  encodeLevels,
  type WideIndices,
} from "./levels/encodeLevels.ts";
export { type Cdf, type FspCodecOptions, fspCodec } from "./levels/fspCodec.ts";
export { type FsqCodecOptions, fsqCodec } from "./levels/fsqCodec.ts";
export { type LevelCodec, type LevelRule, levelCodec } from "./levels/levelCodec.ts";
export { type ResidualFsqCodecOptions, residualFsqCodec } from "./levels/residualFsqCodec.ts";
export type { ResidualLevelCodec, ResidualLevels } from "./levels/residualLevelCodec.ts";
export { decodeResidualLevels, encodeResidualLevels } from "./levels/residualLevels.ts";
export { decodeSigns, encodeSigns } from "./levels/signs.ts";
export { createResidualSearch } from "./residual/createResidualSearch.ts";
export type {
  ResidualIndices,
  ResidualSearch,
  ResidualSearchOptions,
} from "./residual/residualSearch.ts";
export { residualStats } from "./residual/residualStats.ts";
export { createSearch } from "./search/createSearch.ts";
export type { KernelMetric } from "./search/packedCodebook.ts";
export type { Nearest, Search, SearchOptions } from "./search/search.ts";
