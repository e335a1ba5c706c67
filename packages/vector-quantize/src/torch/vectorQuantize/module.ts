import { numpy as np, tree } from "@jax-js/jax";
import { type AffineState, initAffine } from "../../codebook/affine.ts";
import {
  added,
  type VectorQuantizeState,
  type VectorQuantizeVariables,
} from "../../quantizers/vectorQuantize/books.ts";
import type { CodebookBridge } from "../../quantizers/vectorQuantize/bridge.ts";
import { startInPlace } from "../../quantizers/vectorQuantize/inPlace.ts";
import { type CompleteOptions, trainsCodes } from "../../quantizers/vectorQuantize/options.ts";
import {
  type Field,
  linearFields,
  type Module,
  normFields,
  type Owned,
  type Tensors,
} from "../module.ts";
import { ownArrays } from "../ownArrays.ts";

const codebook = "_codebook";
/** With gradients alone, there is no state. */
type All = { readonly state?: VectorQuantizeState };

/** What a `VectorQuantize` keeps. */
export function vectorModule(options: CompleteOptions): Module {
  const { heads, codebookDim: C, codebookSize: K } = options;
  const books = options.separateCodebookPerHead ? heads : 1;
  const split = (tensor: np.Array) => (books === 1 ? np.squeeze(tensor, 0) : tensor);
  const stacked = (array: np.Array) => (books === 1 ? np.expandDims(array, 0) : array);
  const booked = (name: string, shape: number[], path: Field["path"] = []): Field => ({
    name: `${codebook}.${name}`,
    shape: [books, ...shape],
    path,
    ours: split,
    theirs: stacked,
  });
  // What steps added to codes that gradients train stands beside them here.
  const learned: Field[] = [
    {
      ...booked("embed", [K, C], ["params", "codebook"]),
      theirs: (codes, { state }: All) => stacked(state?.shift ? codes.add(state.shift.ref) : codes),
    },
    { path: ["state", "shift"], ours: () => split(np.zeros([books, K, C])) },
  ];
  const { vqBridge: bridge, inPlaceCodebookOptimizer: inPlace } = options;
  return {
    owned: bridge ? [bridgeArrays(bridge, C)] : [],
    ...(inPlace && {
      started: ({ params, state }: VectorQuantizeVariables) =>
        startInPlace(
          inPlace,
          (params.codebook ?? (state.codebook as np.Array)).ref,
          params.vqBridge && tree.ref(params.vqBridge),
        ),
    }),
    fields: [
      ...passages(options),
      { name: `${codebook}.initted`, shape: [], theirs: () => np.array(true) },
      booked("cluster_size", [K], ["state", "clusterSize"]),
      booked("embed_avg", [K, C], ["state", "codeSums"]),
      ...(trainsCodes(options) ? learned : [booked("embed", [K, C], ["state", "codebook"])]),
      ...(options.affineParam ? affine(books, C) : []),
    ],
  };
}

/** The parameters of a bridge, with what an in-place optimizer added to them. */
function bridgeArrays(bridge: CodebookBridge, C: number): Owned {
  const own = ownArrays(`${codebook}.vq_bridge.`, ["params", "vqBridge"], bridge, (key) =>
    bridge.init(key, C),
  );
  return {
    ...own,
    theirs(params, { state }: All) {
      const shift = state?.bridgeShift;
      return own.theirs(shift ? added(params, tree.ref(shift)) : params, {} as never);
    },
  };
}

/** The maps in and out, and the layer normalisation between. */
function passages({ dim, heads, codebookDim, layernormAfterProjectIn }: CompleteOptions): Field[] {
  const width = heads * codebookDim;
  if (width === dim) return [];
  const [projectIn, inputNorm] = layernormAfterProjectIn
    ? ["project_in.0", normFields("project_in.1", ["params", "inputNorm"], width)]
    : ["project_in", []];
  return [
    ...linearFields(projectIn, ["params", "projectIn"], dim, width),
    ...linearFields("project_out", ["params", "projectOut"], width, dim),
    ...inputNorm,
  ];
}

const statistics = {
  batchMean: "batch_mean",
  batchVariance: "batch_variance",
  codebookMean: "codebook_mean",
  codebookVariance: "codebook_variance",
} as const;

/** The affine map: the identity where its statistics are not there yet, or not for the codes. */
function affine(books: number, C: number): Field[] {
  const toNeed = (part: string): Field => ({
    name: `${codebook}.${part}_needs_init`,
    shape: [],
    theirs: (_, { state }: { state: { affine: AffineState } }) =>
      np.min(state.affine.started.ref).less(1),
  });
  const shaped = (array: np.Array) =>
    np.broadcastTo(array, books === 1 ? [...array.shape] : [books, ...array.shape]);
  const known = (name: keyof AffineState, all: Tensors, tensor: () => np.Array) => {
    const { [name]: identity, ...others } = initAffine(C);
    tree.dispose(others);
    if (!all[`${codebook}.batch_mean`]) return shaped(identity);
    const fresh = (all[`${codebook}.codebook_mean_needs_init`] as np.Array).ref; // []
    return np.where(fresh, shaped(identity), tensor());
  };
  const names = Object.keys(statistics) as (keyof typeof statistics)[];
  const fields = names.map(
    (name): Field => ({
      name: `${codebook}.${statistics[name]}`,
      shape: [books, 1, C],
      path: ["state", "affine", name],
      late: name.startsWith("batch"),
      ours(tensor, all) {
        if (!all[`${codebook}.batch_mean`]) tensor?.dispose();
        return known(name, all, () => tensor.reshape(books === 1 ? [C] : [books, C]));
      },
      theirs: (array) => array.reshape([books, 1, C]),
    }),
  );
  const started: Field = {
    path: ["state", "affine", "started"],
    ours: (_, all) => known("started", all, () => np.array(1)),
  };
  return [toNeed("codebook_mean"), toNeed("codebook_variance"), ...fields, started];
}
