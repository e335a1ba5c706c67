import { numpy as np } from "@jax-js/jax";
import {
  projectedWidth,
  type RandomProjection,
  type RandomProjectionOptions,
  type RandomProjectionState,
  randomProjectionQuantizer,
  randomProjectionTable,
} from "../quantizers/randomProjectionQuantizer.ts";
import { vectorQuantizeTable } from "../quantizers/vectorQuantize/options.ts";
import { flagKwarg, type KwargTable, type NamedValues, numberKwarg } from "./kwargs.ts";
import { type Mapping, mapping, oursAlone, type Term } from "./mapping.ts";
import { type Field, linearFields, normFields } from "./module.ts";
import { translation } from "./translation.ts";
import { vectorMapping } from "./vectorQuantize/mapping.ts";

/** With several codebooks theirs are behind a linear map of them all. */
const codebooks: Term = {
  options: ["numCodebooks", "mixesProjections", "layernormAfterProjectIn"],
  kwargs: { num_codebooks: numberKwarg(1), layernorm_after_project_in: flagKwarg(false) },
  ours: ({ num_codebooks: H, layernorm_after_project_in: norm }) =>
    (H as number) > 1 && {
      numCodebooks: H,
      mixesProjections: true,
      ...(norm === true && { layernormAfterProjectIn: true }),
    },
  theirs: ({ numCodebooks: H, layernormAfterProjectIn: norm }) => ({
    num_codebooks: H,
    layernorm_after_project_in: norm,
  }),
};

const all = mapping(randomProjectionTable, [
  codebooks,
  oursAlone("layout", "channelLast", "the reference takes the features last"),
]);

/** What its `VectorQuantize` has from it. */
const given = ["dim", "codebook_size", "codebook_dim", "heads", "use_cosine_sim"];
const ofBooks: KwargTable = Object.fromEntries(
  Object.entries(vectorMapping.kwargs).filter(
    ([name]) => ![...given, "separate_codebook_per_head"].includes(name) && !(name in all.kwargs),
  ),
);

/** The options of its `VectorQuantize` have no effect: it never leaves evaluation. */
const projectionMapping: Mapping = {
  ...all,
  kwargs: { ...all.kwargs, ...ofBooks },
  ours(where, kwargs) {
    const split = (inner: boolean): NamedValues =>
      Object.fromEntries(Object.entries(kwargs).filter(([name]) => name in ofBooks === inner));
    const options = all.ours(where, split(false)) as unknown as RandomProjectionOptions;
    const { codebookDim: C, codebookSize, numCodebooks: heads = 1 } = options;
    const book = vectorMapping.ours(where, {
      ...split(true),
      dim: C * heads,
      codebook_size: codebookSize,
      heads,
      use_cosine_sim: true,
      separate_codebook_per_head: true,
    });
    vectorQuantizeTable.read(book as never);
    return options as unknown as NamedValues;
  },
};

const codebook = "vq._codebook";

/** `RandomProjectionQuantizer` and `randomProjectionQuantizer`. */
export const randomProjectionQuantizerTranslation = translation<
  RandomProjectionOptions,
  RandomProjection
>({
  className: "RandomProjectionQuantizer",
  type: "randomProjectionQuantizer",
  mapping: projectionMapping,
  make: randomProjectionQuantizer,
  module(given) {
    const options = randomProjectionTable.withDefaults(given);
    const { dim, codebookDim: C, codebookSize: K, numCodebooks: H } = options;
    const W = projectedWidth(options);
    const averages = (name: string, shape: number[], theirs: Field["theirs"]): Field => ({
      name: `${codebook}.${name}`,
      shape: [H, ...shape],
      ...(theirs && { theirs }),
    });
    return {
      fields: [
        { name: "rand_projs", shape: [H, dim, C], path: ["state", "projection"] },
        ...(options.mixesProjections ? mixing(options, H * C, H * W) : []),
        { name: `${codebook}.initted`, shape: [], theirs: () => np.array(true) },
        averages("cluster_size", [K], () => np.ones([H, K])),
        averages(
          "embed_avg",
          [K, W],
          (_, { state }: { state: RandomProjectionState }) => state.codebook.ref,
        ),
        { name: `${codebook}.embed`, shape: [H, K, W], path: ["state", "codebook"] },
      ],
    };
  },
});

/** The maps between all projections and all codes. */
function mixing(
  { layernormAfterProjectIn: norm }: Required<RandomProjectionOptions>,
  inner: number,
  outer: number,
): Field[] {
  const into = norm ? "vq.project_in.0" : "vq.project_in";
  return [
    ...linearFields(into, ["state", "projectIn"], inner, outer),
    ...(norm ? normFields("vq.project_in.1", ["state", "inputNorm"], outer) : []),
    ...linearFields("vq.project_out", ["state", "projectOut"], outer, inner),
  ];
}
