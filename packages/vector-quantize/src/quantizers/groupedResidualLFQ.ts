import { finiteRows } from "../search/usable.ts";
import { GroupedOptions, type GroupedQuantizer, groupsAlike } from "./grouped.ts";
import { type ResidualLFQOptions, residualLFQ, residualLFQTable } from "./residualLFQ.ts";

/** Options of `groupedResidualLFQ`; those of the groups are the same for all. */
export interface GroupedResidualLFQOptions extends ResidualLFQOptions, GroupedOptions {}

export const groupedResidualLFQTable = residualLFQTable.extended<GroupedResidualLFQOptions>(
  "groupedResidualLFQ",
  GroupedOptions,
);

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
  return groupsAlike(groupedResidualLFQTable, given, residualLFQ, finiteRows);
}
