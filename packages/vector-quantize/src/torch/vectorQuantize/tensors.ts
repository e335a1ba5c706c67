import { numpy as np, tree } from "@jax-js/jax";
import { type AffineState, initAffine } from "../../codebook/affine.ts";
import {
  storedCodes,
  type VectorQuantizeParams,
  type VectorQuantizeState,
  type VectorQuantizeVariables,
} from "../../quantizers/vectorQuantize/books.ts";
import { type CompleteOptions, trainsCodes } from "../../quantizers/vectorQuantize/options.ts";
import {
  linearOf,
  linearShapes,
  linearTensors,
  normOf,
  normShapes,
  normTensors,
  type Shapes,
} from "../tensors.ts";

type Tensors = Record<string, np.Array>;

const codebook = "_codebook";
/** Buffers of the affine map that a module has from its first call on. */
export const absentAtFirst = [`${codebook}.batch_mean`, `${codebook}.batch_variance`];

const bookCount = ({ heads, separateCodebookPerHead }: CompleteOptions) =>
  separateCodebookPerHead ? heads : 1;

/** Where the maps in and out stand, if there are any. */
function passageNames({ dim, heads, codebookDim, layernormAfterProjectIn }: CompleteOptions) {
  if (heads * codebookDim === dim) return undefined;
  const [projectIn, inputNorm] = layernormAfterProjectIn
    ? ["project_in.0", "project_in.1"]
    : ["project_in", undefined];
  return { projectIn, inputNorm, projectOut: "project_out" };
}

/** The tensors of a `state_dict`. */
export function shapesOf(options: CompleteOptions): Shapes {
  const { dim, heads, codebookDim: C, codebookSize: K } = options;
  const books = bookCount(options);
  const width = heads * C;
  const passages = passageNames(options);
  const perFeature = [books, 1, C];
  return {
    ...(passages && linearShapes(passages.projectIn, dim, width)),
    ...(passages?.inputNorm && normShapes(passages.inputNorm, width)),
    ...(passages && linearShapes(passages.projectOut, width, dim)),
    [`${codebook}.initted`]: [],
    [`${codebook}.cluster_size`]: [books, K],
    [`${codebook}.embed_avg`]: [books, K, C],
    [`${codebook}.embed`]: [books, K, C],
    ...(options.affineParam && {
      [`${codebook}.codebook_mean_needs_init`]: [],
      [`${codebook}.codebook_mean`]: perFeature,
      [`${codebook}.codebook_variance_needs_init`]: [],
      [`${codebook}.codebook_variance`]: perFeature,
      [`${codebook}.batch_mean`]: perFeature,
      [`${codebook}.batch_variance`]: perFeature,
    }),
  };
}

/** Our arrays from a `state_dict`, which is checked before and keeps its references. */
export function variablesOf(options: CompleteOptions, tensors: Tensors): VectorQuantizeVariables {
  const passages = passageNames(options);
  const withoutBooks = (name: string) => {
    const tensor = (tensors[`${codebook}.${name}`] as np.Array).ref;
    return bookCount(options) === 1 ? np.squeeze(tensor, 0) : tensor;
  };
  const codes = withoutBooks("embed");
  const learns = trainsCodes(options);
  const params: VectorQuantizeParams = {
    ...(passages && {
      projectIn: linearOf(tensors, passages.projectIn),
      projectOut: linearOf(tensors, passages.projectOut),
    }),
    ...(passages?.inputNorm && { inputNorm: normOf(tensors, passages.inputNorm) }),
    ...(learns && { codebook: codes.ref }),
  };
  const state: VectorQuantizeState = {
    clusterSize: withoutBooks("cluster_size"),
    codeSums: withoutBooks("embed_avg"),
    ...(learns ? { shift: np.zerosLike(codes) } : { codebook: codes }),
    ...(options.affineParam && { affine: affineOf(options, tensors) }),
  };
  return { params, state };
}

const affineNames = {
  batchMean: "batch_mean",
  batchVariance: "batch_variance",
  codebookMean: "codebook_mean",
  codebookVariance: "codebook_variance",
} as const;
const statistics = Object.keys(affineNames) as (keyof typeof affineNames)[];

/** The identity where the statistics are not there yet, or not for the codes. */
function affineOf(options: CompleteOptions, tensors: Tensors): AffineState {
  const books = bookCount(options);
  const identity = initAffine(options.codebookDim);
  const shapeOf = (shape: readonly number[]) => (books === 1 ? [...shape] : [books, ...shape]);
  const spread = tree.map(
    (leaf: np.Array) => np.broadcastTo(leaf.ref, shapeOf(leaf.shape)),
    identity,
  ) as AffineState;
  tree.dispose(identity);
  if (!tensors[`${codebook}.batch_mean`]) return spread;
  const fresh = tensors[`${codebook}.codebook_mean_needs_init`] as np.Array; // []
  const known = Object.fromEntries(
    statistics.map((name) => {
      const tensor = (tensors[`${codebook}.${affineNames[name]}`] as np.Array).ref;
      const shaped = tensor.reshape(shapeOf([options.codebookDim]));
      return [name, np.where(fresh.ref, spread[name], shaped)];
    }),
  ) as Omit<AffineState, "started">;
  return { ...known, started: np.where(fresh.ref, spread.started, 1) };
}

/** Parameters, or their gradients, as a `state_dict` names them; keeps no reference to them. */
export function paramTensors(options: CompleteOptions, params: VectorQuantizeParams): Tensors {
  const passages = passageNames(options);
  return {
    ...(passages && linearTensors(passages.projectIn, params.projectIn)),
    ...(passages?.inputNorm && normTensors(passages.inputNorm, tree.ref(params.inputNorm))),
    ...(passages && linearTensors(passages.projectOut, params.projectOut)),
    ...(params.codebook && { [`${codebook}.embed`]: withBooks(options, params.codebook.ref) }),
  };
}

const withBooks = (options: CompleteOptions, array: np.Array) =>
  bookCount(options) === 1 ? np.expandDims(array, 0) : array;

/** The inverse of `variablesOf`; keeps no reference to the variables. */
export function tensorsOf(options: CompleteOptions, variables: VectorQuantizeVariables): Tensors {
  const { params, state } = variables;
  const { codebook: _, ...others } = params;
  return {
    ...paramTensors(options, others),
    [`${codebook}.initted`]: np.array(true),
    [`${codebook}.cluster_size`]: withBooks(options, state.clusterSize.ref),
    [`${codebook}.embed_avg`]: withBooks(options, state.codeSums.ref),
    [`${codebook}.embed`]: withBooks(options, storedCodes(variables)),
    ...(state.affine && affineTensors(options, state.affine)),
  };
}

function affineTensors(options: CompleteOptions, affine: AffineState): Tensors {
  const shape = [bookCount(options), 1, options.codebookDim];
  const fresh = () => np.min(affine.started.ref).less(1);
  return {
    ...Object.fromEntries(
      statistics.map((name) => [
        `${codebook}.${affineNames[name]}`,
        affine[name].ref.reshape(shape),
      ]),
    ),
    [`${codebook}.codebook_mean_needs_init`]: fresh(),
    [`${codebook}.codebook_variance_needs_init`]: fresh(),
  };
}
