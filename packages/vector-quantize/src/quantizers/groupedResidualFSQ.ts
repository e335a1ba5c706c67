import { integer } from "../options/kinds.ts";
import { finiteRows } from "../search/usable.ts";
import { GroupedOptions, type GroupedQuantizer, groupsAlike } from "./grouped.ts";
import { type ResidualFSQOptions, residualFSQTable } from "./residualFSQ/options.ts";
import { residualFSQ } from "./residualFSQ.ts";

/** Options of `groupedResidualFSQ`; those of the groups are the same for all. */
export interface GroupedResidualFSQOptions extends ResidualFSQOptions, GroupedOptions {
  /** Feature size of the input. */
  dim: number;
}

/** Groups need to know what they are parts of. */
class WholeOptions extends GroupedOptions {
  /** Feature size of the input. */
  dim: number = integer();
}

export const groupedResidualFSQTable = residualFSQTable.extended<GroupedResidualFSQOptions>(
  "groupedResidualFSQ",
  WholeOptions,
);

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
  return groupsAlike(groupedResidualFSQTable, given, residualFSQ, finiteRows);
}
