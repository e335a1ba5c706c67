import type { numpy as np } from "@jax-js/jax";
import { expected } from "../errors.ts";
import {
  codebookOptions,
  convolutionCount,
  type HierarchicalVQOptions,
  hierarchicalVQTable,
} from "../quantizers/hierarchicalVQ/options.ts";
import { type HierarchicalQuantizer, hierarchicalVQ } from "../quantizers/hierarchicalVQ.ts";
import { vectorQuantizeTable } from "../quantizers/vectorQuantize/options.ts";
import { flagKwarg, numberKwarg } from "./kwargs.ts";
import { countedUses, mapping, type Term } from "./mapping.ts";
import type { Field } from "./module.ts";
import { translation } from "./translation.ts";
import { vectorModule } from "./vectorQuantize/module.ts";

const gradient: Term = {
  options: ["gradient"],
  kwargs: { rotation_trick: flagKwarg(false) },
  ours: ({ rotation_trick: rotates }) => ({ gradient: rotates ? "rotation" : "straightThrough" }),
  theirs({ gradient: ours }, where) {
    if (ours === "rotation" || ours === "straightThrough") {
      return { rotation_trick: ours === "rotation" };
    }
    throw expected(`${where}: gradient`, '"straightThrough" or "rotation"', ours);
  },
};

/** As their module takes them: the ratio without its sign, a number of convolutions in whole ones. */
const numbers: Term = {
  options: ["residualRatio", "sharedResiduals", "commitmentWeight"],
  kwargs: {
    quant_resi: numberKwarg(0.5),
    share_quant_resi: numberKwarg(1),
    commitment_weight: numberKwarg(1),
  },
  ours: ({ quant_resi: ratio, share_quant_resi: shared, commitment_weight: commitmentWeight }) => ({
    residualRatio: Math.abs(ratio as number),
    sharedResiduals: Math.max(0, Math.trunc(shared as number)),
    commitmentWeight,
  }),
  theirs: ({ residualRatio: ratio, sharedResiduals: shared, commitmentWeight }) => ({
    quant_resi: ratio,
    share_quant_resi: shared,
    commitment_weight: commitmentWeight,
  }),
};

const images: Term = {
  kwargs: { accept_image_fmap: flagKwarg(false), kmeans_init: flagKwarg(true) },
  ours({ accept_image_fmap: accepts }, where) {
    if (!accepts) throw expected(`${where}: accept_image_fmap`, "True", accepts);
    return undefined;
  },
  theirs: () => ({ accept_image_fmap: true, kmeans_init: false }),
};

/** PyTorch's `[out, in, 3, 3]` is our `[3, 3, in, out]`. */
const convolution = (dim: number, prefix: string, at: number): Field[] => [
  {
    name: `${prefix}.conv.weight`,
    shape: [dim, dim, 3, 3],
    path: ["params", "convolutions", at, "weight"],
    ours: (weight: np.Array) => weight.transpose([2, 3, 1, 0]),
    theirs: (weight: np.Array) => weight.transpose([3, 2, 0, 1]),
  },
  { name: `${prefix}.conv.bias`, shape: [dim], path: ["params", "convolutions", at, "bias"] },
];

/** `HierarchicalVQ` and `hierarchicalVQ`. */
export const hierarchicalVQTranslation = translation<HierarchicalVQOptions, HierarchicalQuantizer>({
  className: "HierarchicalVQ",
  type: "hierarchicalVQ",
  mapping: mapping(hierarchicalVQTable, [gradient, countedUses, numbers, images]),
  make: hierarchicalVQ,
  module(given) {
    const options = hierarchicalVQTable.withDefaults(given);
    const vq = vectorQuantizeTable.withDefaults(codebookOptions(options));
    // A shared one has a name of its own.
    const shared = options.sharedResiduals === 1;
    const convolutions = Array.from({ length: convolutionCount(options) }, (_, at) =>
      convolution(options.dim, shared ? "phi_shared" : `phi_levels.${at}`, at),
    );
    return {
      fields: convolutions.flat(),
      parts: [{ prefix: "vq.", place: ["vq"], module: vectorModule(vq) }],
    };
  },
});
