import { initValues } from "../quantizers/latentQuantize/values.ts";
import {
  type LatentQuantizeOptions,
  type LatentQuantizer,
  latentQuantize,
  latentQuantizeTable,
  levelsOf,
} from "../quantizers/latentQuantize.ts";
import { maybe, numberKwarg } from "./kwargs.ts";
import { mapping, oneWord, type Term, unread } from "./mapping.ts";
import { type Field, linearMaps } from "./module.ts";
import { translation } from "./translation.ts";

const codebookDim: Term = {
  options: ["codebookDim"],
  kwargs: { codebook_dim: numberKwarg(-1) },
  ours: ({ codebook_dim: theirs }) => (theirs as number) > 0 && { codebookDim: theirs },
  theirs: ({ codebookDim: ours = -1 }) => ({ codebook_dim: ours }),
};

/** False is taken for None there where there are several codebooks. */
const keepNumCodebooksDim: Term = {
  options: ["keepNumCodebooksDim"],
  kwargs: { keep_num_codebooks_dim: maybe("boolean") },
  ours: ({ keep_num_codebooks_dim: keeps, num_codebooks: count }) =>
    (keeps === true || (keeps === false && count === 1)) && { keepNumCodebooksDim: keeps },
  theirs: ({ keepNumCodebooksDim: keeps, numCodebooks: count }) => ({
    keep_num_codebooks_dim: keeps === (count as number) > 1 ? null : keeps,
  }),
};

const layout: Term = {
  options: ["layout"],
  ours: () => ({ layout: "channelFirst" }),
  lost: ({ layout: ours }) =>
    ours === "channelLast" && 'layout "channelLast": the reference takes the features second',
};

const options = mapping(latentQuantizeTable, [
  codebookDim,
  keepNumCodebooksDim,
  layout,
  oneWord("levels", (given) => levelsOf(given as never)),
  // With values that learn it takes no step there, and without there is nothing for it to step.
  unread({ in_place_codebook_optimizer: maybe("object") }),
]);

/**
 * `LatentQuantize` and `latentQuantize`.
 *
 * With `optimize_values=False` a `state_dict` has no values: they are those of the start. The
 * reference finds indices by the values of the start always, so those of values that have learned
 * here are other ones there; what it quantizes to is the same.
 */
export const latentQuantizeTranslation = translation<LatentQuantizeOptions, LatentQuantizer>({
  className: "LatentQuantize",
  type: "latentQuantize",
  mapping: {
    ...options,
    // None is off there, not the default.
    ours: (where, kwargs) =>
      options.ours(where, {
        ...kwargs,
        ...(kwargs.optimize_values === null && { optimize_values: false }),
      }),
  },
  make: latentQuantize,
  module(given) {
    const { dim, numCodebooks = 1, optimizeValues = true } = given;
    const levels = levelsOf(given);
    const values = levels.map((count, d): Field => {
      const learned = { name: `values_per_latent.${d}`, shape: [count] };
      return optimizeValues
        ? { ...learned, path: ["params", "values", d] }
        : { path: ["state", "values", d], ours: () => initValues([count])[0] as never };
    });
    return { fields: [...values, ...linearMaps(dim, levels.length * numCodebooks)] };
  },
});
