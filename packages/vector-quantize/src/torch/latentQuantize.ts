import type { numpy as np } from "@jax-js/jax";
import { expected } from "../errors.ts";
import type { Quantizer } from "../quantizers/contract.ts";
import { initValues } from "../quantizers/latentQuantize/values.ts";
import {
  type LatentQuantizeOptions,
  type LatentQuantizeParams,
  latentQuantize,
  latentQuantizeTable,
  levelsOf,
} from "../quantizers/latentQuantize.ts";
import {
  completeKwargs,
  flagKwarg,
  maybeFlag,
  numberKwarg,
  own,
  required,
  sharedOptions,
  withoutDefaults,
} from "./kwargs.ts";
import {
  checkOneWord,
  isChannelFirst,
  type LookupFreeArrays,
  lookupFreeParamTensors,
  lookupFreeShapes,
  lookupFreeVariables,
} from "./lookupFree.ts";
import { joined } from "./prefixes.ts";
import { checkTensors } from "./tensors.ts";
import type { Translation } from "./translation.ts";

const same = sharedOptions(latentQuantizeTable, [
  "commitmentLossWeight",
  "quantizationLossWeight",
  "numCodebooks",
  "keepNumCodebooksDim",
  "optimizeValues",
]);
const table = {
  ...same.kwargs,
  num_codebooks: numberKwarg(1),
  keep_num_codebooks_dim: maybeFlag,
  optimize_values: flagKwarg(true),
  levels: own,
  dim: required,
  codebook_dim: numberKwarg(-1),
  in_place_codebook_optimizer: own,
};

function arraysOf(given: LatentQuantizeOptions): LookupFreeArrays {
  const width = levelsOf(given).length * (given.numCodebooks ?? 1);
  return { dim: given.dim, width, maps: given.dim !== width, bias: true };
}

const valueName = (d: number) => `values_per_latent.${d}`;

/**
 * `LatentQuantize` and `latentQuantize`.
 *
 * With `optimize_values=False` a `state_dict` has no values: they are those of the start. The
 * reference finds indices by the values of the start always, so those of values that have learned
 * here are other ones there; what it quantizes to is the same.
 */
export const latentQuantizeTranslation: Translation = {
  className: "LatentQuantize",
  type: "latentQuantize",

  fromTorch(all, tensors) {
    const where = "fromTorch LatentQuantize";
    // None is off there, not the default.
    const off = all.optimize_values === null && { optimize_values: false };
    const kwargs = completeKwargs(where, { ...all, ...off }, table);
    const { dim, codebook_dim: codebookDim, in_place_codebook_optimizer: optimizer } = kwargs;
    const { optimize_values: optimizes, num_codebooks: codebooks } = kwargs;
    const { keep_num_codebooks_dim: keeps } = kwargs;
    if (optimizer !== null) {
      const mend = "The values are parameters here, which the optimizer of the model trains";
      throw expected(`${where}: in_place_codebook_optimizer`, "None", optimizer, mend);
    }
    const given: LatentQuantizeOptions = {
      levels: kwargs.levels as number | number[],
      dim,
      ...(codebookDim > 0 && { codebookDim }),
      // False is taken for None there, with several codebooks too.
      ...same.ours(codebooks === 1 ? kwargs : { ...kwargs, keep_num_codebooks_dim: keeps || null }),
      layout: "channelFirst",
    };
    const quantizer = latentQuantize(given) as unknown as Quantizer;
    const levels = levelsOf(given);
    const arrays = arraysOf(given);
    checkTensors(
      where,
      tensors,
      joined<readonly number[]>([
        lookupFreeShapes(arrays),
        ...(optimizes ? levels.map((count, d) => ({ [valueName(d)]: [count] })) : []),
      ]),
    );
    const { params } = lookupFreeVariables(arrays, tensors);
    const values = optimizes
      ? levels.map((_, d) => (tensors[valueName(d)] as np.Array).ref)
      : initValues(levels);
    const variables = optimizes
      ? { params: { values, ...params }, state: {} }
      : { params, state: { values } };
    return { quantizer, variables: variables as never };
  },

  toTorch(config, variables) {
    const where = "toTorch latentQuantize";
    const given = config as unknown as LatentQuantizeOptions;
    const options = latentQuantizeTable.withDefaults(given);
    checkOneWord(`${where}: levels`, levelsOf(given));
    if (!isChannelFirst(options.layout)) {
      throw expected(
        `${where}: layout`,
        '"channelFirst", "image" or "video", as in the reference',
        options.layout,
        'Build latentQuantize({ ...options, layout: "channelFirst" }), for the same variables',
      );
    }
    const kwargs = {
      ...same.theirs(given),
      levels: given.levels,
      dim: given.dim,
      codebook_dim: given.codebookDim ?? -1,
      in_place_codebook_optimizer: null,
    };
    const params = variables.params as LatentQuantizeParams;
    return {
      kwargs: withoutDefaults(kwargs, table),
      tensors: joined<np.Array>([
        lookupFreeParamTensors(params),
        ...(params.values ?? []).map((own, d) => ({ [valueName(d)]: own.ref })),
      ]),
    };
  },
};
