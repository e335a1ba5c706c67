import { expected } from "../errors.ts";
import { type ResidualFSQOptions, residualFSQTable } from "../quantizers/residualFSQ/options.ts";
import { residualFSQ } from "../quantizers/residualFSQ.ts";
import { flagKwarg, maybe, numberKwarg } from "./kwargs.ts";
import { channelFirst, flagTerm, mapping, noise, only, type Term, unread } from "./mapping.ts";
import { layered, linearMaps, rotation } from "./module.ts";
import { translation } from "./translation.ts";

/** What a layer must have as it is there. */
export const scalarTerms: readonly Term[] = [
  only({ num_codebooks: numberKwarg(1) }, "1"),
  unread({ force_quantization_f32: flagKwarg(true) }),
  {
    kwargs: { keep_num_codebooks_dim: maybe("boolean") },
    ours({ keep_num_codebooks_dim: keeps }, where) {
      if (keeps) throw expected(`${where}: keep_num_codebooks_dim`, "False", keeps);
      return undefined;
    },
  },
];

const bounds: Term = {
  theirs({ bounds: ours }, where) {
    if (ours === "softClamp" || ours === "none") return undefined;
    throw expected(`${where}: bounds`, '"softClamp" or "none", which ResidualFSQ has', ours);
  },
};

/** `ResidualFSQ` and `residualFSQ`. */
export const residualFSQTranslation = translation<ResidualFSQOptions>({
  className: "ResidualFSQ",
  type: "residualFSQ",
  mapping: mapping(residualFSQTable, [
    ...scalarTerms,
    bounds,
    flagTerm("bound_hard_clamp", true),
    noise,
    channelFirst("is_channel_first"),
    { options: ["preserveSymmetry"] }, // of the bounds that theirs has not
  ]),
  make: residualFSQ,
  module(given) {
    const { dim, levels, numQuantizers, orthogonalRotation } = residualFSQTable.withDefaults(given);
    const fields = orthogonalRotation ? [rotation(levels.length)] : [];
    return { fields: linearMaps(dim, levels.length), parts: layered(numQuantizers, { fields }) };
  },
});
