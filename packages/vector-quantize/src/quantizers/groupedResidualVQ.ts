import { type GroupedOptions, type GroupedQuantizer, groupedOf } from "./grouped.ts";
import { dropoutOf } from "./residual/dropout.ts";
import { type ResidualVQOptions, residualVQ } from "./residualVQ.ts";
import { savedOptions } from "./vectorQuantize/options.ts";

/** Options of `groupedResidualVQ`; those of the groups are the same for all. */
export type GroupedResidualVQOptions = ResidualVQOptions & GroupedOptions;

/**
 * Residual vector quantization of groups of features, each with layers of its own.
 *
 * ```ts
 * const quantizer = groupedResidualVQ({ dim: 256, groups: 2, numQuantizers: 4, codebookSize: 1024 });
 * const codes = await quantizer.encode(variables, x); // [2, ..., 4]
 * ```
 *
 * @throws VectorQuantizeError for an option that is unknown or out of range
 *
 * Source: Yang et al., "HiFi-Codec: Group-residual Vector quantization for High Fidelity Audio
 * Codec", 2023, https://arxiv.org/abs/2305.02765. The reference's class is `GroupedResidualVQ`.
 */
export function groupedResidualVQ(given: GroupedResidualVQOptions): GroupedQuantizer {
  const { groups = 1, ...options } = given;
  const dropout = dropoutOf(options);
  return groupedOf({
    config: { type: "groupedResidualVQ", ...savedOptions(given as never) },
    dim: options.dim,
    groups,
    layout: options.layout ?? "channelLast",
    make: (dim) => residualVQ({ ...options, dim }),
    ...(dropout && { dropout }),
  });
}
