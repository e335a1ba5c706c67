import { usableRows } from "../search/usable.ts";
import { GroupedOptions, type GroupedQuantizer, groupsAlike } from "./grouped.ts";
import { type ResidualVQOptions, residualVQTable } from "./residualVQ/options.ts";
import { residualVQ } from "./residualVQ.ts";

/** Options of `groupedResidualVQ`; those of the groups are the same for all. */
export interface GroupedResidualVQOptions extends ResidualVQOptions, GroupedOptions {}

export const groupedResidualVQTable = residualVQTable.extended<GroupedResidualVQOptions>(
  "groupedResidualVQ",
  GroupedOptions,
);

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
  return groupsAlike(groupedResidualVQTable, given, residualVQ, usableRows);
}
