export { type AssignStats, type AssignStatsOptions, assignStats } from "./assignStats.ts";
export type { KernelMetric } from "./codebook.ts";
export {
  decodeLevels,
  type EncodedLevels,
  type EncodeOptions,
  encodeLevels,
  type WideIndices,
} from "./encodeLevels.ts";
export { type Cdf, type FspOptions, fspCodec } from "./fsp.ts";
export { type FsqOptions, fsqCodec } from "./fsq.ts";
export { type DecodeOptions, decodeSum, gather } from "./gather.ts";
export { type KMeansOptions, type KMeansResult, kmeans } from "./kmeans.ts";
export { type LevelCodec, type LevelRule, levelCodec } from "./levels.ts";
export { createPool, defaultPool, type Pool, type PoolOptions } from "./pool.ts";
export { type ResidualFsqOptions, residualFsqCodec } from "./residualFsq.ts";
export {
  decodeResidualLevels,
  encodeResidualLevels,
  type ResidualLevelCodec,
  type ResidualLevels,
} from "./residualLevels.ts";
export {
  createResidualSearch,
  type ResidualIndices,
  type ResidualSearch,
  type ResidualSearchOptions,
} from "./residualNearest.ts";
export { residualStats } from "./residualStats.ts";
export { createSearch, type Nearest, type Search, type SearchOptions } from "./search.ts";
export { decodeSigns, encodeSigns } from "./signs.ts";
