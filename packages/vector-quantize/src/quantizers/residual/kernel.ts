import { numpy as np, tree } from "@jax-js/jax";
import type { ResidualSearch } from "../../kernels/residual/residualSearch.ts";
import { hideMasked } from "../../layout/mask.ts";
import { lazy } from "../../lazy.ts";
import { floats } from "../../search/kernel.ts";
import { withCachedSearch } from "../../search/searchCache.ts";
import { NUMBER_LIMIT } from "../../search/usable.ts";
import { anyTrue, both, int32, present } from "../../tracing.ts";
import { type ArrayTree, jitted, release } from "../../tree.ts";
import type { Quantizer, Variables } from "../contract.ts";

const residualModule = lazy(() => import("../../kernels/residual/createResidualSearch.ts"));

/** Most paths that the kernel keeps. */
export const MOST_KERNEL_BEAM = 16;

/** Layers that are searched one after another on what is left. */
export interface SearchedLayers<Codes> {
  /** `[K, C]` of each layer that is used. */
  readonly codebooks: readonly Codes[];
  /** Paths that the search keeps. */
  readonly beam: number;
  /** Weights of the layers in the score of a path; those of layers that are not used are passed over. */
  readonly beamWeights: readonly number[];
}

/** The codebooks of searches that have had some which nobody writes to. */
const constant = new WeakMap<ResidualSearch, readonly Float32Array[]>();

/** Exchanges the codes of a search, unless it has these very ones, which `stay` as they are. */
async function exchange(
  search: ResidualSearch,
  codebooks: readonly Float32Array[],
  stay: boolean,
): Promise<void> {
  const known = constant.get(search);
  if (stay && known && codebooks.every((codebook, layer) => codebook === known[layer])) return;
  constant.delete(search);
  await search.set(codebooks);
  if (stay) constant.set(search, codebooks);
}

/**
 * What `use` makes of a search in all layers: the meaning of their loop, or of `beamSearch`.
 *
 * @param stay whether nobody ever writes to the codebooks
 */
export async function withLayers<T>(
  { codebooks, beam, beamWeights }: SearchedLayers<Float32Array>,
  dim: number,
  use: (search: ResidualSearch) => Promise<T>,
  stay = false,
): Promise<T> {
  const { createResidualSearch } = await residualModule();
  const weights = beamWeights.slice(0, codebooks.length);
  const ranking = { beam, rank: "sum", weights } as const;
  const shared = codebooks.map((codebook) => codebooks.indexOf(codebook));
  const recipe = {
    shape: `residual ${dim} ${beam} ${weights} ${shared} ${codebooks.map((c) => c.length)}`,
    numbers: numbersHeld(codebooks, dim, beam),
    make: () =>
      createResidualSearch(codebooks, {
        dim,
        invalid: "mark",
        limit: NUMBER_LIMIT,
        ...(beam > 1 && ranking),
      }),
    exchange: (search: ResidualSearch) => exchange(search, codebooks, stay),
  };
  return withCachedSearch(recipe, use);
}

/** Numbers that such a search may hold: the codes and, with a beam, their products. */
function numbersHeld(codebooks: readonly Float32Array[], dim: number, beam: number): number {
  let numbers = 0;
  let before = 0; // codes of the layers before
  for (const { length } of codebooks) {
    numbers += length + (beam > 1 ? (before * length) / dim : 0);
    before += length / dim;
  }
  return numbers;
}

/**
 * Indices of vectors `[N, C]` in the layers: `[N, columns]`, with -1 for the layers that are not used.
 *
 * @param layers their codebooks must stay as they are for good
 */
export async function residualOnKernels(
  vectors: np.Array,
  layers: SearchedLayers<Float32Array>,
  columns: number,
): Promise<np.Array> {
  const [N, dim] = vectors.shape as [number, number];
  const rows = await floats(vectors);
  const found = await withLayers(layers, dim, (search) => search.nearest(rows), true);
  const used = layers.codebooks.length;
  return np.array(padColumns(found.indices, used, columns), { shape: [N, columns] });
}

/** `[N, used]` as `[N, columns]`: -1 where there was no column. */
export function padColumns(
  indices: Int32Array<ArrayBuffer>,
  used: number,
  columns: number,
): Int32Array<ArrayBuffer> {
  if (used === columns) return indices;
  const rows = indices.length / used;
  const wide = new Int32Array(rows * columns).fill(-1);
  for (let n = 0; n < rows; n++) {
    wide.set(indices.subarray(n * used, (n + 1) * used), n * columns);
  }
  return wide;
}

const subtract = jitted((residual: np.Array, codes: np.Array) => residual.sub(codes));
const stackColumns = jitted((columns: np.Array[]) => np.stack(columns, -1));

/**
 * Indices of vectors `[N, C]` in layers of any kind, each by its own `encode`: `[N, columns]`, with -1 for
 * the layers that are not used. Takes the residual.
 */
export async function encodeByLayers(
  layers: readonly Quantizer[],
  variablesAt: (layer: number) => Variables,
  residual: np.Array,
  columns: number,
): Promise<np.Array> {
  const [N] = residual.shape as [number];
  const { device } = residual;
  const found: np.Array[] = [];
  let left = residual;
  try {
    for (const [at, layer] of layers.entries()) {
      const indices = await layer.encode(variablesAt(at), left.ref);
      found.push(indices);
      if (at + 1 === layers.length) break;
      left = subtract(left, layer.decode(variablesAt(at), indices.ref));
    }
    const none = () => np.full([N], -1, { dtype: np.int32, device });
    while (found.length < columns) found.push(none());
    return stackColumns(tree.ref(found));
  } finally {
    release([left, found]);
  }
}

/** Which vectors a layer adds something to, and indices that it takes. */
const givenTo = jitted(({ indices, mask }: { indices: np.Array; mask?: np.Array }) => {
  const found = present(indices.ref); // [N]
  const real = mask ? both(found, mask) : found;
  return { safe: np.maximum(indices, int32(0)), real };
});
/** What a layer leaves, and its state: one that adds nothing to any vector rests. */
const leftBy = jitted(
  (call: {
    residual: np.Array;
    codes: np.Array;
    real: np.Array;
    moved: ArrayTree;
    rests: ArrayTree;
  }) => {
    const { residual, codes, real, moved, rests } = call;
    const any = anyTrue(real.ref);
    const move = (after: np.Array, before: np.Array) => np.where(any.ref, after, before);
    return {
      residual: residual.sub(np.where(real.reshape([-1, 1]), codes, 0)),
      state: tree.map(move, moved as never, rests as never) as ArrayTree,
    };
  },
);

/**
 * The states of all layers after a step, each by the layer's own `update` on what the layers before
 * left. Takes ownership of `residual`, `columns`, `mask` and `keys`.
 *
 * @param residual what enters the first layer, `[N, C]`
 * @param columns int32 `[N]` per layer; -1 where a layer adds nothing
 */
export async function updateLayers(
  layers: readonly Quantizer[],
  own: (layer: number) => Variables,
  residual: np.Array,
  columns: readonly np.Array[],
  mask: np.Array | undefined,
  keys: readonly np.Array[],
): Promise<ArrayTree[]> {
  const states: ArrayTree[] = [];
  let left = residual;
  for (const [layer, indices] of columns.entries()) {
    const quantizer = layers[layer] as Quantizer;
    const { safe, real } = givenTo({ indices, ...(mask && { mask: mask.ref }) });
    const key = keys[layer];
    const options = { mask: real.ref, ...(key && { key }) };
    const moved = await quantizer.update(own(layer), left.ref, safe.ref, options);
    const { params, state: rests } = own(layer);
    tree.dispose(params as never);
    const codes = quantizer.decode(own(layer), safe);
    const next = leftBy({ residual: left, codes, real, moved, rests });
    left = next.residual;
    states.push(next.state);
  }
  tree.dispose([left, mask]);
  return states;
}

/** Index -1 at the rows `[N, Q]` of vectors that are not real. */
export function hideRows(indices: np.Array, mask: np.Array | undefined): np.Array {
  return hideMasked(indices, mask?.reshape([-1, 1]));
}
