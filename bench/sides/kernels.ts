import {
  assignStats,
  createPool,
  createResidualSearch,
  createSearch,
  decodeSum,
  encodeLevels,
  encodeResidualLevels,
  encodeSigns,
  fsqCodec,
  kmeans,
  type Pool,
  residualFsqCodec,
} from "vector-quantize/kernels";
import { createPeakProbe } from "../peak.ts";
import type { Preparation } from "../protocol.ts";
import { type Prepared, readFloats, serve } from "../serve.ts";

/** Our kernels, through the typed-array API: vectors lie in ordinary memory before each call. */
let pool: Pool | undefined;
let probe: (() => Promise<number>) | undefined;

await serve({
  async prepare(preparation) {
    pool = createPool({ threads: preparation.threads });
    probe = await createPeakProbe(pool);
    const run = await sideOf(preparation, pool);
    const versions = { node: process.version, kernels: pool.form };
    return { run, versions } satisfies Prepared;
  },
  probe: async () => (await probe?.()) ?? Number.NaN,
});

async function sideOf(given: Preparation, pool: Pool): Promise<() => Promise<unknown>> {
  const { dim, codes, layers = 1, beam = 1 } = given;
  const x = readFloats(given, "vectors");
  switch (given.side) {
    case "search": {
      const search = await createSearch(readFloats(given, "codebook"), { dim, pool });
      return () => search.nearest(x);
    }
    case "training step":
      return trainingStep(x, readFloats(given, "codebook"), dim, codes, pool);
    case "k-means": {
      const iterations = given.iterations ?? 10;
      return () => kmeans(x, { dim, clusters: codes, iterations, pool });
    }
    case "residual": {
      const search = await createResidualSearch(layersOf(given), { dim, beam, pool });
      return () => search.nearest(x);
    }
    case "decode":
    case "decode to a new array": {
      const books = layersOf(given);
      const indices = Int32Array.from({ length: given.n * layers }, (_, i) => (i * 7919) % codes);
      const out = given.side === "decode" && { out: new Float32Array(given.n * dim) };
      return () => decodeSum(books, indices, { dim, pool, ...out });
    }
    case "fsq": {
      const codec = fsqCodec({ levels: given.levels ?? [] });
      return () => encodeLevels(codec, x, { pool });
    }
    case "residual fsq": {
      const codec = residualFsqCodec({ levels: given.levels ?? [], numQuantizers: layers });
      return () => encodeResidualLevels(codec, x, { pool });
    }
    case "lfq":
      return () => encodeSigns(x, { dim, pool });
    default:
      throw new Error(`no side ${given.side}`);
  }
}

function layersOf(given: Preparation): Float32Array[] {
  const all = readFloats(given, "codebook");
  const size = given.codes * given.dim;
  return Array.from({ length: given.layers ?? 1 }, (_, q) => all.slice(q * size, (q + 1) * size));
}

/** Search, statistics, moving averages and the new codebook, as a step of the reference has them. */
async function trainingStep(
  x: Float32Array,
  codebook: Float32Array,
  dim: number,
  codes: number,
  pool: Pool,
): Promise<() => Promise<unknown>> {
  const [decay, eps] = [0.8, 1e-5];
  const search = await createSearch(codebook, { dim, pool });
  const sizes = new Float32Array(codes).fill(1);
  const sums = codebook.slice();
  return async () => {
    const { indices } = await search.nearest(x);
    const stats = await assignStats(x, indices, { dim, codes, pool });
    let total = 0;
    for (let k = 0; k < codes; k++) {
      const size = decay * (sizes[k] as number) + (1 - decay) * (stats.counts[k] as number);
      sizes[k] = size;
      total += size;
    }
    for (let k = 0; k < codes; k++) {
      const smoothed = (((sizes[k] as number) + eps) / (total + codes * eps)) * total;
      for (let i = k * dim; i < (k + 1) * dim; i++) {
        const sum = decay * (sums[i] as number) + (1 - decay) * (stats.sums[i] as number);
        sums[i] = sum;
        codebook[i] = sum / smoothed;
      }
    }
    await search.setCodebook(codebook);
  };
}
