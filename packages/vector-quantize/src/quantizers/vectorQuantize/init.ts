import { numpy as np, random, tree } from "@jax-js/jax";
import { initAffine } from "../../codebook/affine.ts";
import { initCodebook } from "../../codebook/codebook.ts";
import { initLinear } from "../../layout/linear.ts";
import type { ParamTree } from "../../tree.ts";
import type {
  VectorQuantizeParams,
  VectorQuantizeState,
  VectorQuantizeVariables,
} from "./books.ts";
import type { Parts } from "./graph.ts";
import { startInPlace } from "./inPlace.ts";
import { trainsCodes } from "./options.ts";

/** Fresh parameters and state of a `vectorQuantize` quantizer. */
export function initVectorQuantize(
  { options, deal }: Pick<Parts, "options" | "deal">,
  key: np.Array,
): VectorQuantizeVariables {
  const { dim, codebookDim, codebookSize, heads, metric } = options;
  const keys = [...random.split(key, 4)];
  const [bookKey, inKey, outKey, bridgeKey] = keys as [np.Array, np.Array, np.Array, np.Array];
  const width = heads * codebookDim;
  const bookKeys = deal.books === 1 ? [bookKey] : [...random.split(bookKey, deal.books)];
  const { codebook, ...averages } = deal.join(
    bookKeys.map((own) => initCodebook(own, codebookSize, codebookDim, metric)),
  );
  const { vqBridge, inPlaceCodebookOptimizer: inPlace } = options;
  const projects = width !== dim;
  const bridge = vqBridge?.init(bridgeKey.ref, codebookDim);
  const params: VectorQuantizeParams = {
    ...(projects && {
      projectIn: initLinear(inKey.ref, dim, width),
      projectOut: initLinear(outKey.ref, width, dim),
    }),
    ...(projects &&
      options.layernormAfterProjectIn && {
        inputNorm: { weight: np.ones([width]), bias: np.zeros([width]) },
      }),
    ...(trainsCodes(options) && { codebook: codebook.ref }),
    ...(bridge && { vqBridge: bridge as ParamTree }),
  };
  const state: VectorQuantizeState = {
    ...averages,
    ...(trainsCodes(options) ? { shift: np.zerosLike(codebook.ref) } : { codebook: codebook.ref }),
    ...(options.affineParam && {
      affine: deal.join(bookKeys.map(() => initAffine(codebookDim))),
    }),
    ...(inPlace && startInPlace(inPlace, codebook.ref, bridge && tree.ref(bridge))),
  };
  tree.dispose([inKey, outKey, bridgeKey, codebook]);
  return { params, state };
}
