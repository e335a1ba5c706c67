import { expected } from "../errors.ts";
import type { ResidualQuantizer } from "../quantizers/residual.ts";
import { type ResidualFSQOptions, residualFSQTable } from "../quantizers/residualFSQ/options.ts";
import { residualFSQ } from "../quantizers/residualFSQ.ts";
import { flagKwarg, maybe, numberKwarg } from "./kwargs.ts";
import { channelFirst, flagTerm, mapping, noise, only, type Term, unread } from "./mapping.ts";
import { layered, linearMaps, rotation } from "./module.ts";
import { translation } from "./translation.ts";

/** What a layer must have as it is there, and what it does not read: it has no linear maps. */
export const scalarTerms: readonly Term[] = [
  only({ num_codebooks: numberKwarg(1) }, "1, since layers there have no linear maps"),
  unread({
    force_quantization_f32: flagKwarg(true),
    projection_has_bias: flagKwarg(true),
    // An axis of one among the indices, which ours have not.
    keep_num_codebooks_dim: maybe("boolean"),
  }),
];

const bounds: Term = {
  theirs({ bounds: ours }, where) {
    if (ours === "softClamp" || ours === "none") return undefined;
    throw expected(`${where}: bounds`, '"softClamp" or "none", which ResidualFSQ has', ours);
  },
};

/** One number for all dimensions; whole ones as a list, since JSON makes 2 of 2.0, which theirs refuses. */
const clamp: Term = {
  options: ["softClampInputValue"],
  kwargs: { soft_clamp_input_value: maybe("object") },
  ours({ soft_clamp_input_value: given }) {
    if (given === null) return undefined;
    const alike = Array.isArray(given) && given.every((each) => each === given[0]);
    return { softClampInputValue: alike && given.length > 0 ? given[0] : given };
  },
  theirs: ({ softClampInputValue: ours, levels }) => ({
    soft_clamp_input_value: Number.isInteger(ours)
      ? (levels as number[]).map(() => ours)
      : (ours ?? null),
  }),
};

/** `ResidualFSQ` and `residualFSQ`. */
export const residualFSQTranslation = translation<ResidualFSQOptions, ResidualQuantizer>({
  className: "ResidualFSQ",
  type: "residualFSQ",
  mapping: mapping(residualFSQTable, [
    ...scalarTerms,
    clamp,
    bounds,
    flagTerm("bound_hard_clamp", true),
    noise,
    channelFirst("is_channel_first"),
    { options: ["preserveSymmetry"] }, // of the bounds that theirs has not
    only({ channel_first: flagKwarg(false) }, "False, since layers there get the features last"),
    only({ return_indices: flagKwarg(true) }, "True, since theirs asks its layers for codebooks"),
    unread({ scale: maybe("number"), allowed_dtypes: maybe("object") }),
  ]),
  make: residualFSQ,
  module(given) {
    const { dim, levels, numQuantizers, orthogonalRotation } = residualFSQTable.withDefaults(given);
    const fields = orthogonalRotation ? [rotation(levels.length)] : [];
    return { fields: linearMaps(dim, levels.length), parts: layered(numQuantizers, { fields }) };
  },
});
