export { type KMeansOptions, type KMeansResult, kmeans } from "./clustering/kmeans.ts";
export { type AssignStats, type AssignStatsOptions, assignStats } from "./codes/assignStats.ts";
export { type DecodeOptions, decodeSum, gather } from "./codes/gather.ts";
export { createPool, defaultPool, type Pool, type PoolOptions } from "./engine/pool.ts";
export {
  decodeLevels,
  type EncodedLevels,
  type EncodeOptions,
  encodeLevels,
  type WideIndices,
} from "./levels/encodeLevels.ts";
export { type Cdf, type FspOptions, fspCodec } from "./levels/fspCodec.ts";
export { type FsqOptions, fsqCodec } from "./levels/fsqCodec.ts";
export { type LevelCodec, type LevelRule, levelCodec } from "./levels/levelCodec.ts";
export { type ResidualFsqOptions, residualFsqCodec } from "./levels/residualFsqCodec.ts";
export {
  decodeResidualLevels,
  encodeResidualLevels,
  type ResidualLevelCodec,
  type ResidualLevels,
} from "./levels/residualLevels.ts";
export { decodeSigns, encodeSigns } from "./levels/signs.ts";
export {
  createResidualSearch,
  type ResidualIndices,
  type ResidualSearch,
  type ResidualSearchOptions,
} from "./residual/residualSearch.ts";
export { residualStats } from "./residual/residualStats.ts";
export type { KernelMetric } from "./search/packedCodebook.ts";
export { createSearch, type Nearest, type Search, type SearchOptions } from "./search/search.ts";
