import { lax, numpy as np, random, tree } from "@jax-js/jax";
import { lookUp } from "../codebook/codebook.ts";
import { markedRows, marksOf, seedOf } from "../codebook/kmeans.ts";
import { checkHolds, expected } from "../errors.ts";
import { straightThrough } from "../gradients/straightThrough.ts";
import { fromVectors, type Layout, layouts, positionShape, toVectors } from "../layout/layout.ts";
import { fillMasked, hideMasked, maskedMean, maskOfVectors, zeroMasked } from "../layout/mask.ts";
import { rotate, rotateBack } from "../layout/rotation.ts";
import { lazy } from "../lazy.ts";
import { choice, count, integer } from "../options/kinds.ts";
import { optionTable } from "../options/table.ts";
import { codebookEncoder } from "../search/codebookEncoder.ts";
import { nearestInStack } from "../search/graph.ts";
import { refuseRows, usableRows } from "../search/usable.ts";
import { both, int32, present } from "../tracing.ts";
import { arraysIn, jitByMode, jitted, owns } from "../tree.ts";
import type { MaskOptions, Quantizer, Variables } from "./contract.ts";
import { guarded } from "./guard.ts";
import { resting } from "./resting.ts";

const fitModule = lazy(() => import("../kernels/scan/fitParts.ts"));

const rotations = ["none", "learned"] as const;
/** What `productVQ` does to vectors before it cuts them. */
export type ProductRotation = (typeof rotations)[number];

/** Options of `productVQ`. */
export class ProductVQOptions {
  /** Feature size of the input. */
  dim: number = integer();
  /** Parts that a vector is cut into, `M`; they divide `dim`. */
  parts: number = count();
  /** Number of codes of each part, `K`; of up to 256 `vector-quantize/search` can make searches. Default 16. */
  codebookSize?: number = integer(16);
  /** `learned`: `fit` learns a rotation that makes the parts alike. Default `none`. */
  rotation?: ProductRotation = choice(rotations, "none");
  /** Where the features stand. Default `channelLast`. */
  layout?: Layout = choice(layouts, "channelLast");
}

export const productVQTable = optionTable<ProductVQOptions>(
  "productVQ",
  [ProductVQOptions],
  [
    ({ dim, parts }, where) => {
      if (dim % parts !== 0) throw expected(`${where}: parts`, `a divisor of dim ${dim}`, parts);
    },
    ({ codebookSize, dim }, where) => checkHolds(where, "codebooks", codebookSize, dim),
    ({ rotation, dim }, where) =>
      rotation === "learned" ? checkHolds(where, "rotation", dim, dim) : undefined,
  ],
);

type Nothing = Record<string, never>;
/** State of a `productVQ`; nothing but `fit` moves it. */
export type ProductVQState = {
  /** The codes of each part, `[M, K, dim / M]`. */
  codebooks: np.Array;
  /** R `[dim, dim]`, of `rotation: "learned"`: codes are of `x R`. */
  rotation?: np.Array;
};
type ProductVQVariables = Variables<Nothing, ProductVQState>;

/** A `productVQ` quantizer. */
export type ProductQuantizer = Quantizer<Nothing, ProductVQState>;

type Call = MaskOptions & { variables: ProductVQVariables; x: np.Array; indices?: np.Array };

/**
 * Product quantization: a vector is cut into parts, each of which gets the nearest code of a codebook of its own.
 *
 * `i_m = argmin_k |(x R)_m - c_mk|`, and the output is `(c_1i_1, c_2i_2, ...) R^T`; R is the identity, or with
 * `rotation: "learned"` (OPQ) the better of two rotations that `fit` finds by turns with the codes, so that what parts
 * have to say is shared out among them. M indices of K codes stand for `K^M` vectors.
 *
 * Codebooks and rotation come from `fit` alone, and are those of `fitProductCodes` of `vector-quantize/search` with a
 * seed that is drawn by the key. Training steps leave them as they are: gradients pass straight through to the input,
 * and the loss draws it to its codes, `mean (x - sg(q))^2`.
 *
 * A vector with NaN, infinity or a number of 2^50 or more gets index -1 in all parts and comes out as NaN. Of one part
 * the indices have no axis of their own.
 *
 * ```ts
 * const quantizer = productVQ({ dim: 384, parts: 48, codebookSize: 256, rotation: "learned" });
 * const fitted = await quantizer.fit(variables, sample); // of [N, 384]
 * const codes = await quantizer.encode(fitted, x); // [..., 48]
 * ```
 *
 * @throws VectorQuantizeError for an option that is unknown or out of range
 *
 * Source: Jegou et al., "Product quantization for nearest neighbor search", 2011,
 * https://doi.org/10.1109/TPAMI.2010.57; of the rotation, Ge et al., "Optimized Product Quantization for Approximate
 * Nearest Neighbor Search", 2013, https://doi.org/10.1109/CVPR.2013.379.
 */
export function productVQ(given: ProductVQOptions): ProductQuantizer {
  const { options, config } = productVQTable.read(given);
  const { dim, parts: M, codebookSize: K, rotation, layout } = options;
  const width = dim / M;
  const all = Array.from({ length: M }, (_, m) => m);
  const indexAxes = M > 1 ? [M] : [];
  const positionsOf = (indices: np.Array) =>
    indices.shape.slice(0, indices.ndim - indexAxes.length);

  /** The vectors `[N, dim]` as they are cut, NaN throughout where they can't be used. */
  const enter = (state: ProductVQState, vectors: np.Array) => {
    const given = refused(vectors);
    return state.rotation ? refused(rotate(given, state)) : given;
  };

  /** A search for each part of vectors `[N, dim]`. */
  const searches = (vectors: np.Array, codebooks: np.Array) =>
    all.map((m) => ({
      vectors: vectors.ref.slice([], [m * width, (m + 1) * width]), // [N, dim / M]
      codes: codebooks.ref.slice(m), // [K, dim / M]
    }));

  /** The codes of indices, side by side: `[N, dim]`; NaN where an index has none. */
  const lookUpAll = (codebooks: np.Array, indices: np.Array) => {
    const found = indices.reshape([-1, M]);
    const inside = both(present(found.ref), found.ref.less(int32(K)));
    const first = np.array(Int32Array.from(all, (m) => m * K)); // [M]
    const places = np.where(inside, found.add(first), int32(-1)); // [N, M]
    const codes = lookUp(codebooks.reshape([M * K, width]), places.reshape([-1]));
    return codes.reshape([-1, dim]);
  };

  const leave = ({ codebooks, ...turn }: ProductVQState, indices: np.Array) =>
    rotateBack(lookUpAll(codebooks, indices), turn); // [N, dim]

  /** Indices `[N, M]` at positions, hidden where masked. */
  const asIndices = (found: np.Array, mask: np.Array | undefined, positions: readonly number[]) =>
    hideMasked(found, mask?.reshape([-1, 1])).reshape([...positions, ...indexAxes]);

  const run = ({ variables, x, indices, ...masks }: Call, mode: { training: boolean }) => {
    const { state } = variables;
    const positions = positionShape(x.shape, layout);
    const mask = maskOfVectors(masks, positions); // [N]
    const vectors = toVectors(x, layout); // [N, dim]
    const turned = enter(tree.ref(state), lax.stopGradient(vectors.ref));
    const usable = usableRows(turned.ref); // [N]
    const nearest = () => {
      const cut = turned.ref.reshape([-1, M, width]); // [N, M, dim / M]
      return nearestInStack(np.moveaxis(cut, 1, 0), state.codebooks.ref, "euclidean").transpose();
    };
    const asked = indices ? indices.reshape([-1, M]) : nearest(); // [N, M]
    const found = hideMasked(asked, usable.ref.reshape([-1, 1]));
    const codes = leave(tree.ref(state), found.ref); // [N, dim]
    const real = mask ? both(usable, mask.ref) : usable;
    const known = (values: np.Array) => np.where(real.ref.reshape([-1, 1]), values, 0);
    const commitment = mode.training
      ? maskedMean(np.square(known(vectors.ref).sub(known(lax.stopGradient(codes.ref)))), real.ref)
      : np.zeros([]);
    const passed = mode.training ? straightThrough(vectors, codes) : codes;
    const output = fromVectors(passed, layout, positions);
    return {
      quantized: fillMasked(output.ref, np.zerosLike(output), mask?.ref, layout),
      indices: asIndices(found, mask, positions),
      loss: commitment.ref,
      losses: { commitment },
      state: tree.map(lax.stopGradient, state) as ProductVQState,
    };
  };
  const apply = jitByMode(run);

  const encode = codebookEncoder({
    metric: "euclidean",
    query: ({ state }: ProductVQVariables, x) =>
      searches(enter(tree.ref(state), toVectors(x, layout)), state.codebooks),
    asIndices(x, found, masks: MaskOptions) {
      const positions = positionShape(x.shape, layout);
      return asIndices(np.stack(found, 1), maskOfVectors(masks, positions), positions);
    },
  });
  const sample = jitted(({ x, ...masks }: MaskOptions & { x: np.Array }) => {
    const mask = maskOfVectors(masks, positionShape(x.shape, layout));
    const vectors = toVectors(x, layout); // [N, dim]
    const usable = usableRows(vectors.ref);
    return { vectors, usable: mask ? both(usable, mask) : usable };
  });
  const codes = jitted(({ state }: ProductVQVariables, indices: np.Array) =>
    fromVectors(lookUpAll(state.codebooks, indices), layout, positionsOf(indices)),
  );
  const decode = jitted(({ state }: ProductVQVariables, indices: np.Array) =>
    fromVectors(leave(state, indices), layout, positionsOf(indices)),
  );

  const quantizer: ProductQuantizer = {
    config,
    dim,
    codebookSizes: all.map(() => K),
    trainsApart: true,

    init(key) {
      const codebooks = random.uniform(key.ref, [M, K, width], { minval: -1, maxval: 1 });
      return {
        params: {},
        state: { codebooks, ...(rotation === "learned" && { rotation: np.eye(dim) }) },
      };
    },

    ...resting(),

    async fit(_variables, x, { key, iterations, warn = console.warn, ...masks } = {}) {
      const { vectors, usable } = sample(tree.ref({ x, ...masks }));
      using _ = owns(vectors, usable);
      const marks = await marksOf(usable.ref, { K, warn });
      const rows = await markedRows(vectors.ref, marks);
      const seed = await seedOf(key?.ref ?? random.key(0));
      const { fitParts } = await fitModule();
      const how = { dim, parts: M, codebookSize: K, rotation, seed };
      const fitted = await fitParts(rows, { ...how, ...(iterations && { iterations }) });
      const { device } = x;
      const learned = fitted.rotation as Float32Array<ArrayBuffer> | undefined;
      return {
        params: {},
        state: {
          codebooks: np.array(fitted.codebooks, { shape: [M, K, width], device }),
          ...(learned && { rotation: np.array(learned, { shape: [dim, dim], device }) }),
        },
      };
    },

    apply: (variables, x, { training = false, key: _, ...options } = {}) =>
      apply(tree.ref({ variables, x, ...arraysIn(options) }), { training }),

    encode: (variables, x, masks = {}) => encode(variables, x, masks),

    codes: (variables, indices) => codes(tree.ref(variables), indices.ref),

    decode(variables, indices, masks = {}) {
      const output = decode(tree.ref(variables), indices.ref);
      return zeroMasked(output, tree.ref(masks), positionsOf(indices), layout);
    },
  };
  return guarded(quantizer, { layout, indices: { axes: indexAxes }, scores: () => M * K });
}

/** Vectors `[N, D]`, NaN throughout where they can't be used. */
const refused = (vectors: np.Array) => refuseRows(vectors.ref, usableRows(vectors));
