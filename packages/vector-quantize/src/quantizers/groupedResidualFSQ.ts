import { type GroupedOptions, type GroupedQuantizer, groupedOf } from "./grouped.ts";
import { dropoutOf } from "./residual/dropout.ts";
import type { ResidualFSQOptions } from "./residualFSQ/options.ts";
import { residualFSQ } from "./residualFSQ.ts";

/** Options of `groupedResidualFSQ`; those of the groups are the same for all. */
export type GroupedResidualFSQOptions = ResidualFSQOptions & GroupedOptions & { dim: number };

/**
 * Residual finite scalar quantization of groups of features.
 *
 * ```ts
 * const quantizer = groupedResidualFSQ({ dim: 256, groups: 2, levels: [8, 5, 5], numQuantizers: 4 });
 * ```
 *
 * @throws VectorQuantizeError for an option that is unknown or out of range
 *
 * Source: as for `residualFSQ` and `groupedResidualVQ`. The reference's class is
 * `GroupedResidualFSQ`.
 */
export function groupedResidualFSQ(given: GroupedResidualFSQOptions): GroupedQuantizer {
  const { groups = 1, ...options } = given;
  const dropout = dropoutOf(options);
  return groupedOf({
    config: { type: "groupedResidualFSQ", ...given },
    dim: options.dim,
    groups,
    layout: options.layout ?? "channelLast",
    make: (dim) => residualFSQ({ ...options, dim }),
    ...(dropout && { dropout }),
  });
}
