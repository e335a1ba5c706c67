/** Whatever fails, an allocation or a job, nothing of the kernels' memory stays taken. */
import { afterAll, describe, expect, it } from "vitest";
import { integers } from "../../../../test/support/kernelPools.ts";
import { kmeans } from "./clustering/kmeans.ts";
import { assignStats } from "./codes/assignStats.ts";
import { decodeSum } from "./codes/gather.ts";
import { layersKernels } from "./engine/binaries/layers.ts";
import { createPool } from "./engine/createPool.ts";
import type { Pool } from "./engine/pool.ts";
import { binaryCodeEntropy } from "./entropy/binaryCodeEntropy.ts";
import { planChain } from "./layers/chain.ts";
import type { LayerWork } from "./layers/layerWork.ts";
import { planLayer } from "./layers/planLayer.ts";
import { reconstructionLoss } from "./layers/reconstruction.ts";
import { Workspace } from "./layers/workspace.ts";
import { decodeLevels, encodeLevels } from "./levels/encodeLevels.ts";
import { fsqCodec } from "./levels/fsqCodec.ts";
import { residualFsqCodec } from "./levels/residualFsqCodec.ts";
import { decodeResidualLevels, encodeResidualLevels } from "./levels/residualLevels.ts";
import { decodeSigns, encodeSigns } from "./levels/signs.ts";
import { createResidualSearch } from "./residual/createResidualSearch.ts";
import { createResidualPass } from "./residual/residualPass.ts";
import { residualStats } from "./residual/residualStats.ts";
import { createSearch } from "./search/createSearch.ts";
import { inMemory } from "./search/memorySearch.ts";

const pools: Pool[] = [];
afterAll(() => {
  for (const pool of pools) pool.dispose();
});

const floats = (length: number, seed: number) => {
  const next = integers(seed, -1e6, 1e6);
  return Float32Array.from({ length }, () => next() / 3e5);
};
const below = (length: number, most: number) =>
  Int32Array.from({ length }, integers(length, 0, most - 1));

async function searches(pool: Pool, dim: number, size: number, rows: number): Promise<void> {
  const search = await createSearch(floats(size * dim, 1), { dim, pool });
  try {
    await search.nearest(floats(rows * dim, 2));
    await search.nearestTopK(floats(9 * dim, 3), 2);
    await search.setCodebook(floats(size * dim, 4));
    await search.nearest(floats(rows * dim, 2));
  } finally {
    search.dispose();
  }
}

async function residualSearches(pool: Pool, beam: number): Promise<void> {
  const books = [floats(96 * 8, 1), floats(64 * 8, 2), floats(64 * 8, 3)];
  const search = await createResidualSearch(books, { dim: 8, beam, pool });
  try {
    await search.nearest(floats(3000 * 8, 4));
    await search.set(books.map((book) => book.map((value) => value / 2)));
    await search.nearest(floats(3000 * 8, 4));
  } finally {
    search.dispose();
  }
}

async function passes(pool: Pool): Promise<void> {
  const [rows, dim] = [900, 4];
  const vectors = floats(rows * dim, 1);
  const codebooks = [floats(20 * dim, 2), floats(20 * dim, 3)];
  const search = await createResidualSearch(codebooks, { dim, pool });
  try {
    await pool.exclusive(async (scope) => {
      const [at, sum] = [scope.copyOf(vectors), scope.allocate(vectors.byteLength)];
      const inputs = { search: inMemory(search), vectors: { rows, at }, sum };
      const pass = await createResidualPass(inputs, scope, scope);
      await pass.back({ gradient: sum, weights: [1, 1], rotates: true, to: at }, scope);
    });
  } finally {
    search.dispose();
  }
}

const scalar = fsqCodec({ levels: [8, 5, 30] });
const layered = residualFsqCodec({ levels: [8, 5], numQuantizers: 3 });
const books = [floats(20 * 4, 1), floats(20 * 4, 2)];

/** Forward and back through layers of every kind. */
async function layers(pool: Pool): Promise<void> {
  const axis = { input: 6, output: 6, kernel: 3, stride: 1, dilation: 1, padding: 1, upsample: 1 };
  const shapes = { inputShape: [2, 6, 6, 8], outputShape: [2, 6, 6, 8] };
  const tiny = [2, 3, 3, 8];
  const works: LayerWork[] = [
    {
      ...{ kind: "convolution", ...shapes, batch: 2, transposed: false, bias: true },
      shape: {
        ...{ height: axis, width: axis, inChannels: 8, outChannels: 8, groups: 1 },
        weight: { tap: 64, input: 8, output: 1 },
      },
    },
    { kind: "residual", ...shapes, layers: [{ kind: "activation", name: "gelu", ...shapes }] },
    { kind: "snake", ...shapes },
    { kind: "normalize", ...shapes, images: 2, positions: 36, groups: 2, eps: 1e-5 },
    { kind: "windows", name: "maxPool", ...shapes, outputShape: tiny, window: [2, 2] },
    {
      ...{ kind: "rearrange", name: "depthToSpace", block: 2 },
      ...{ inputShape: tiny, outputShape: [2, 6, 6, 2] },
    },
  ];
  const work = new Workspace(pool, await pool.load(layersKernels, pool.form));
  try {
    const plan = planChain(works.map(planLayer), shapes.inputShape);
    const own = () => {
      const bias = work.copyOf(floats(8, 1));
      const weight = work.copyOf(floats(576, 2));
      const norm = { weight: work.copyOf(floats(8, 3)), bias: work.copyOf(floats(8, 4)) };
      const alpha = work.copyOf(floats(8, 5));
      return [{ weight, bias }, { layers: [{}] }, { alpha }, norm, {}, {}];
    };
    const [params, gradients] = [own(), own()];
    await pool.exclusive(async () => {
      const x = work.copyOf(floats(576, 6));
      const { y, kept } = await plan.forward(work, params, x, { training: true });
      const { gradient } = await reconstructionLoss(
        work,
        { loss: "l1", range: [-1, 1], clamp: true },
        [y, work.copyOf(floats(144, 7))],
        144,
      );
      await plan.backward(work, { params, gradients, kept, dy: gradient, wantsInput: true });
    });
  } finally {
    work.free();
  }
}

const calls: Record<string, (pool: Pool) => Promise<unknown>> = {
  "a search behind a k-d tree": (pool) => searches(pool, 8, 300, 2100),
  "a search behind a principal subspace": (pool) => searches(pool, 64, 1024, 2100),
  "a residual search": (pool) => residualSearches(pool, 1),
  "a residual search with a beam": (pool) => residualSearches(pool, 4),
  "a training pass": passes,
  kmeans: (pool) =>
    kmeans(floats(900 * 4, 1), { dim: 4, clusters: 70, seeding: "kmeans++", iterations: 2, pool }),
  assignStats: (pool) =>
    assignStats(floats(900 * 4, 1), below(900, 20), { dim: 4, codes: 20, pool }),
  residualStats: (pool) =>
    residualStats(floats(900 * 4, 1), below(1800, 20), books, { dim: 4, pool }),
  decodeSum: (pool) => decodeSum(books, below(1800, 20), { dim: 4, pool }),
  binaryCodeEntropy: (pool) =>
    binaryCodeEntropy(floats(90 * 6, 1), {
      stride: 6,
      bits: [0, 6],
      shares: new Float32Array(90).fill(1 / 90),
      floor: 1e-5,
      pool,
    }),
  encodeLevels: (pool) => encodeLevels(scalar, floats(900 * 3, 1), { pool }),
  decodeLevels: (pool) => decodeLevels(scalar, below(900, 1200), { pool }),
  encodeResidualLevels: (pool) => encodeResidualLevels(layered, floats(900 * 2, 1), { pool }),
  decodeResidualLevels: (pool) => decodeResidualLevels(layered, below(900 * 3, 40), { pool }),
  encodeSigns: (pool) => encodeSigns(floats(900 * 9, 1), { dim: 9, pool }),
  decodeSigns: (pool) => decodeSigns(below(900, 512), { dim: 9, pool }),
  "layers of a model": layers,
};

type Method = (...given: never[]) => unknown;

/** Lets call number `at` of a method throw, until the method is put back. */
function failAt<Name extends string>(object: { [name in Name]: Method }, name: Name, at: number) {
  const whole = object[name];
  let calls = 0;
  object[name] = (...given) => {
    if (calls++ === at) throw new Error("on purpose");
    return whole.apply(object, given);
  };
  return () => {
    object[name] = whole;
  };
}

describe.each(Object.entries(calls))("%s", (_, call) => {
  const pool = createPool({ threads: 1 });
  pools.push(pool);
  /** Bytes in use once all that was asked for is done. */
  const used = () => pool.exclusive(() => pool.memory.used);

  it.each(["allocate", "run"])("holds nothing once %s has failed", async (method) => {
    await call(pool); // the scratch memory, which stays, is as large as it gets
    const before = await used();
    for (let at = 0, failed = true; failed; at++) {
      const mend = method === "run" ? failAt(pool, "run", at) : failAt(pool.memory, "allocate", at);
      failed = await call(pool).then(
        () => false,
        (error: Error) => error.message === "on purpose" || Promise.reject(error),
      );
      mend();
      expect(await used(), `after failure ${at}`).toBe(before);
      expect(at).toBeLessThan(200);
    }
  });
});
