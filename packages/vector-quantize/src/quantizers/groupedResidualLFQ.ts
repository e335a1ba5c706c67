import { type GroupedOptions, type GroupedQuantizer, groupedOf } from "./grouped.ts";
import { savedLfqOptions } from "./lfq/options.ts";
import { dropoutOf } from "./residual/dropout.ts";
import { type ResidualLFQOptions, residualLFQ } from "./residualLFQ.ts";

/** Options of `groupedResidualLFQ`; those of the groups are the same for all. */
export type GroupedResidualLFQOptions = ResidualLFQOptions & GroupedOptions;

/**
 * Residual lookup-free quantization of groups of features.
 *
 * ```ts
 * const quantizer = groupedResidualLFQ({ dim: 256, groups: 2, codebookSize: 256, numQuantizers: 4 });
 * ```
 *
 * @throws VectorQuantizeError for an option that is unknown or out of range
 *
 * Source: as for `residualLFQ` and `groupedResidualVQ`. The reference's class is
 * `GroupedResidualLFQ`.
 */
export function groupedResidualLFQ(given: GroupedResidualLFQOptions): GroupedQuantizer {
  const { groups = 1, ...options } = given;
  const dropout = dropoutOf(options);
  return groupedOf({
    config: { type: "groupedResidualLFQ", ...savedLfqOptions(given) },
    dim: options.dim,
    groups,
    layout: options.layout ?? "channelLast",
    make: (dim) => residualLFQ({ ...options, dim }),
    ...(dropout && { dropout }),
  });
}
