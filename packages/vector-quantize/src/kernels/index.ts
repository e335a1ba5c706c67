export type { KernelMetric } from "./codebook.ts";
export { createPool, defaultPool, type Pool, type PoolOptions } from "./pool.ts";
export { createSearch, type Nearest, type Search, type SearchOptions } from "./search.ts";
