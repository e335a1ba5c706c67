import { numpy as np } from "@jax-js/jax";
import {
  type RandomProjectionOptions,
  type RandomProjectionState,
  randomProjectionQuantizer,
  randomProjectionTable,
} from "../quantizers/randomProjectionQuantizer.ts";
import { numberKwarg } from "./kwargs.ts";
import { mapping, only, oursAlone } from "./mapping.ts";
import type { Field } from "./module.ts";
import { translation } from "./translation.ts";

/** Several codebooks of the reference have codes of another size, behind a map of their own. */
const oneCodebook =
  "1, since with more the reference's codes have num_codebooks * codebook_dim features each";

const codebook = "vq._codebook";

/** `RandomProjectionQuantizer` and `randomProjectionQuantizer`. */
export const randomProjectionQuantizerTranslation = translation<RandomProjectionOptions>({
  className: "RandomProjectionQuantizer",
  type: "randomProjectionQuantizer",
  mapping: mapping(randomProjectionTable, [
    only({ num_codebooks: numberKwarg(1) }, oneCodebook),
    oursAlone("numCodebooks", 1, oneCodebook),
    oursAlone("layout", "channelLast", '"channelLast"'),
  ]),
  make: randomProjectionQuantizer,
  module({ dim, codebookDim: C, codebookSize: K }) {
    const averages = (name: string, shape: number[], theirs: Field["theirs"]): Field => ({
      name: `${codebook}.${name}`,
      shape: [1, ...shape],
      ...(theirs && { theirs }),
    });
    return {
      fields: [
        { name: "rand_projs", shape: [1, dim, C], path: ["state", "projection"] },
        { name: `${codebook}.initted`, shape: [], theirs: () => np.array(true) },
        averages("cluster_size", [K], () => np.ones([1, K])),
        averages(
          "embed_avg",
          [K, C],
          (_, { state }: { state: RandomProjectionState }) => state.codebook.ref,
        ),
        { name: `${codebook}.embed`, shape: [1, K, C], path: ["state", "codebook"] },
      ],
    };
  },
});
