import { expected } from "../errors.ts";
import type { Layout } from "../layout/layout.ts";
import { count, declared } from "../options/kinds.ts";
import { optionTable } from "../options/table.ts";
import { usableRows } from "../search/usable.ts";
import { checkQuantizer } from "./checkQuantizer.ts";
import { type GroupedQuantizer, groupedOf } from "./grouped.ts";
import type { ResidualQuantizer } from "./residual.ts";

/** Options of `groupedQuantizer`. */
export class GroupedQuantizerOptions {
  /** What quantizes each group, with parameters and state of its own. */
  quantizer: ResidualQuantizer = declared(checkResidual);
  /** Parts that the features are cut into, `G`; the input has `G quantizer.dim` features. */
  groups: number = count();
}

function checkResidual(where: string, value: unknown): void {
  checkQuantizer(where, value);
  if (!("layersMayRest" in value)) throw expected(where, "a residual quantizer", value.config.type);
}

export const groupedQuantizerTable = optionTable<GroupedQuantizerOptions>("groupedQuantizer", [
  GroupedQuantizerOptions,
]);

/**
 * Groups of features, each with a residual quantizer of its own: `groupedResidualVQ` and the like
 * for layers of any kind.
 *
 * ```ts
 * const layers = [vectorQuantize({ dim: 4, codebookSize: 1024 }), fsq({ levels: [5, 5, 5, 5] })];
 * const quantizer = groupedQuantizer({ quantizer: residualQuantizer({ layers }), groups: 2 }); // of 8 features
 * const codes = await quantizer.encode(variables, x); // [2, ..., 2]
 * ```
 *
 * @throws VectorQuantizeError unless `groups` is a number of groups
 *
 * Source: as for `groupedResidualVQ`.
 */
export function groupedQuantizer(given: GroupedQuantizerOptions): GroupedQuantizer {
  const { options, config } = groupedQuantizerTable.read(given);
  const { quantizer, groups } = options;
  return groupedOf({
    config,
    dim: groups * quantizer.dim,
    groups,
    layout: (quantizer.config.layout as Layout | undefined) ?? "channelLast",
    usable: usableRows,
    make: () => quantizer,
  });
}
