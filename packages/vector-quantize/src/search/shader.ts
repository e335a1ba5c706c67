import { numpy as np } from "@jax-js/jax";
import { lazy } from "../lazy.ts";
import type { Decide, LayerOnDevice } from "../shaders/search/layerSearch.ts";
import { jitted, owns } from "../tree.ts";
import { type Metric, searchOrigin } from "./graph.ts";
import { floats, nearestOnKernels, withCodes } from "./kernel.ts";

const shaderModule = lazy(() => import("../shaders/search/layerSearch.ts"));

const originOf = jitted(searchOrigin);

/** Indices, and how many rows the device left open. */
export interface Searched {
  readonly indices: np.Array;
  readonly decided: number;
}

/** A search in layers, each on what those before left, and who decides what the device leaves open. */
export interface ShaderSearch {
  readonly vectors: np.Array; // [N, C] on WebGPU
  /** `[K, C]` of each layer; with `cosine` there is one. */
  readonly codebooks: readonly np.Array[];
  readonly metric: Metric;
  /** Of a single layer so many codes are found, the nearest first. Default 1. */
  readonly rounds?: number;
  /** Shape of the indices: `[N]`, or `[N, columns]`, with -1 in columns without a layer. */
  readonly shape: readonly number[];
  /** Open rows `[n, C]`, in all layers. Where it is missing the best of the device's scores stands. */
  readonly decide?: Decide;
  /** The whole search, by others: for codes and sizes that the error bound doesn't cover. */
  readonly all: () => Promise<np.Array>;
}

/**
 * Indices by the shaders, the same as the kernels': the device knows how far its scores may be off, and
 * the rows that this leaves open come back and are decided elsewhere. Takes ownership of nothing.
 */
export async function searchOnShaders(search: ShaderSearch): Promise<Searched> {
  const { vectors, codebooks, metric, rounds = 1, shape, decide, all } = search;
  const [rows, dim] = vectors.shape as [number, number];
  const { isBounded, searchLayers } = await shaderModule();
  if (!isBounded(dim)) return { indices: await all(), decided: rows };
  const { device } = vectors;
  const origins = codebooks.map((codes) =>
    metric === "cosine" ? np.zeros([dim], { device }) : originOf(codes.ref),
  );
  // Written to by the device, so it must be nobody else's.
  const indices = np.full([...shape], -1, { dtype: np.int32, device });
  using _ = owns(origins, indices);
  const layers = codebooks.map(
    async (codes, at): Promise<LayerOnDevice> => ({
      codes: await codes.ref.gpuBuffer(),
      origin: await (origins[at] as np.Array).ref.gpuBuffer(),
      size: codes.shape[0] as number,
    }),
  );
  const decided = await searchLayers(
    {
      vectors: await vectors.ref.gpuBuffer(),
      rows,
      dim,
      layers: await Promise.all(layers),
      rounds,
      euclidean: metric === "euclidean",
      indices: await indices.ref.gpuBuffer(),
      columns: shape[1] ?? 1,
    },
    decide,
  );
  if (decided === undefined) return { indices: await all(), decided: rows };
  return { indices: indices.ref, decided };
}

/**
 * Index of the nearest code of each vector, by the shaders: `nearestOnKernels` for arrays on WebGPU.
 * Takes ownership.
 *
 * @returns int32 `[N]`
 */
export async function nearestOnShaders(
  x: np.Array,
  codebook: np.Array,
  metric: Metric,
): Promise<Searched> {
  using _ = owns(x, codebook);
  const dim = x.shape[1] as number;
  return await searchOnShaders({
    ...oneLayer(x, codebook, metric),
    async decide(open) {
      const codes = await floats(codebook.ref);
      return withCodes(codes, dim, metric, async (search) => (await search.nearest(open)).indices);
    },
  });
}

/**
 * The `k` nearest codes of each vector, the nearest first, the lower index first on ties: `nearestTopK` of the
 * kernels for arrays on WebGPU. A round each, which passes over what was found before: k times the work of one
 * code. Takes ownership.
 *
 * @param k at least 1, at most K
 * @returns int32 `[N, k]`
 */
export async function nearestTopKOnShaders(
  x: np.Array,
  codebook: np.Array,
  metric: Metric,
  k: number,
): Promise<Searched> {
  using _ = owns(x, codebook);
  const [rows, dim] = x.shape as [number, number];
  const decided = async (vectors: Float32Array) => {
    const codes = await floats(codebook.ref);
    const found = await withCodes(codes, dim, metric, (search) => search.nearestTopK(vectors, k));
    return found.indices;
  };
  return await searchOnShaders({
    ...{ vectors: x, codebooks: [codebook], metric, rounds: k, shape: [rows, k] },
    decide: decided,
    all: async () =>
      np.array(await decided(await floats(x.ref)), { shape: [rows, k], device: x.device }),
  });
}

/**
 * The same up to float32's rounding, as `nearestInGraph` is: of codes almost equally near any may be
 * found. Nothing is read back. Takes ownership.
 */
export async function nearlyNearestOnShaders(
  x: np.Array,
  codebook: np.Array,
  metric: Metric,
): Promise<np.Array> {
  using _ = owns(x, codebook);
  return (await searchOnShaders(oneLayer(x, codebook, metric))).indices;
}

/** A search in one codebook. */
function oneLayer(x: np.Array, codebook: np.Array, metric: Metric): ShaderSearch {
  return {
    vectors: x,
    codebooks: [codebook],
    metric,
    shape: [x.shape[0] as number],
    async all() {
      const found = await nearestOnKernels(x.ref, codebook.ref, metric);
      return np.array(found, { device: x.device });
    },
  };
}
