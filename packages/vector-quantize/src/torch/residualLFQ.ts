import { expected } from "../errors.ts";
import type { ResidualQuantizer } from "../quantizers/residual.ts";
import {
  type ResidualLFQOptions,
  residualLFQ,
  residualLFQTable,
} from "../quantizers/residualLFQ.ts";
import { flagKwarg, maybe, required } from "./kwargs.ts";
import { activationArrays, binaryTerms, mask } from "./lfq.ts";
import { mapping, oneInAll, type Term, unread } from "./mapping.ts";
import { layered, linearMaps, rotation } from "./module.ts";
import { scalarTerms } from "./residualFSQ.ts";
import { translation } from "./translation.ts";

/** Layers there turn their input, behind the linear map: where there is one, features are last. */
const layout: Term = {
  options: ["layout"],
  kwargs: { channel_first: maybe("boolean") },
  ours({ channel_first: first, dim, codebook_size: size }, where) {
    if (first !== true) return undefined;
    if (dim === bitsOf(size)) return { layout: "channelFirst" };
    const what = "None or False, since the linear map there takes the features last";
    throw expected(`${where}: channel_first with dim ${dim} of ${bitsOf(size)} bits`, what, first);
  },
  theirs: ({ layout: ours, dim, codebookSize: size }) => ({
    channel_first: ours !== "channelLast" && dim === bitsOf(size) ? true : null,
  }),
  lost: ({ layout: ours, dim, codebookSize: size }) =>
    ours !== "channelLast" &&
    dim !== bitsOf(size) &&
    `layout "${ours}": the linear map of the reference takes the features last`,
};

const bitsOf = (size: unknown) => Math.log2(size as number);

/** Layers there share one activation, with its parameters. */
const shared: Term = {
  lost: ({ straightThroughActivation: own, numQuantizers: layers }) =>
    (layers as number) > 1 &&
    "init" in Object(own) &&
    oneInAll("straightThroughActivation", "layer.activation"),
};

/** Layers there have no linear maps. */
const maps: readonly Term[] = [
  {
    kwargs: { has_projections: maybe("boolean") },
    ours({ has_projections: maps }, where) {
      if (maps) throw expected(`${where}: has_projections`, "None or False", maps);
      return undefined;
    },
  },
  unread({
    cosine_sim_project_in: flagKwarg(false),
    cosine_sim_project_in_scale: maybe("number"),
  }),
];

/** `ResidualLFQ` and `residualLFQ`. */
export const residualLFQTranslation = translation<ResidualLFQOptions, ResidualQuantizer>({
  className: "ResidualLFQ",
  type: "residualLFQ",
  mapping: mapping(residualLFQTable, [...scalarTerms, ...binaryTerms, layout, shared, ...maps], {
    codebook_size: required,
  }),
  make: residualLFQ,
  module({ dim, codebookSize, numQuantizers, orthogonalRotation: rotated, ...given }) {
    const bits = Math.log2(codebookSize);
    const fields = [...(rotated ? [rotation(bits)] : []), mask(bits)];
    const owned = activationArrays(given.straightThroughActivation, bits);
    return { fields: linearMaps(dim, bits), parts: layered(numQuantizers, { fields, owned }) };
  },
});
