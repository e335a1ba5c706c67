import { numpy as np } from "@jax-js/jax";
import { expected } from "../errors.ts";
import type { Quantizer } from "../quantizers/contract.ts";
import {
  type RandomProjectionOptions,
  type RandomProjectionState,
  randomProjectionQuantizer,
} from "../quantizers/randomProjectionQuantizer.ts";
import {
  type Completed,
  completeKwargs,
  flagKwarg,
  numberKwarg,
  required,
  withoutDefaults,
} from "./kwargs.ts";
import { checkTensors } from "./tensors.ts";
import type { Translation } from "./translation.ts";

const table = {
  dim: required,
  codebook_size: required,
  codebook_dim: required,
  num_codebooks: numberKwarg(1),
  norm: flagKwarg(true),
};

/** Several codebooks of the reference have codes of another size, behind a map of their own. */
function checkOne(where: string, name: string, count: number): void {
  if (count === 1) return;
  throw expected(
    `${where}: ${name}`,
    "1, since with more the reference's codes have num_codebooks * codebook_dim features each",
    count,
  );
}

const shapesOf = ({ dim, codebookDim: C, codebookSize: K }: RandomProjectionOptions) => ({
  rand_projs: [1, dim, C],
  "vq._codebook.initted": [],
  "vq._codebook.cluster_size": [1, K],
  "vq._codebook.embed_avg": [1, K, C],
  "vq._codebook.embed": [1, K, C],
});

/** `RandomProjectionQuantizer` and `randomProjectionQuantizer`. */
export const randomProjectionTranslation: Translation = {
  className: "RandomProjectionQuantizer",
  type: "randomProjectionQuantizer",

  fromTorch(all, tensors) {
    const where = "fromTorch RandomProjectionQuantizer";
    const kwargs: Completed<typeof table> = completeKwargs(where, all, table);
    checkOne(where, "num_codebooks", kwargs.num_codebooks);
    const given: RandomProjectionOptions = {
      dim: kwargs.dim,
      codebookSize: kwargs.codebook_size,
      codebookDim: kwargs.codebook_dim,
      ...(!kwargs.norm && { norm: false }),
    };
    const quantizer = randomProjectionQuantizer(given) as unknown as Quantizer;
    checkTensors(where, tensors, shapesOf(given));
    const take = (name: string) => (tensors[name] as np.Array).ref;
    const state = { projection: take("rand_projs"), codebook: take("vq._codebook.embed") };
    return { quantizer, variables: { params: {}, state } };
  },

  toTorch(config, variables) {
    const where = "toTorch randomProjectionQuantizer";
    const given = config as unknown as RandomProjectionOptions;
    const { numCodebooks = 1, layout = "channelLast", codebookSize: K } = given;
    checkOne(where, "numCodebooks", numCodebooks);
    if (layout !== "channelLast") throw expected(`${where}: layout`, '"channelLast"', layout);
    const { projection, codebook } = variables.state as RandomProjectionState;
    const kwargs = {
      dim: given.dim,
      codebook_size: K,
      codebook_dim: given.codebookDim,
      num_codebooks: 1,
      norm: given.norm ?? true,
    };
    return {
      kwargs: withoutDefaults(kwargs, table),
      tensors: {
        rand_projs: projection.ref,
        "vq._codebook.initted": np.array(true),
        "vq._codebook.cluster_size": np.ones([1, K]),
        "vq._codebook.embed_avg": codebook.ref,
        "vq._codebook.embed": codebook.ref,
      },
    };
  },
};
