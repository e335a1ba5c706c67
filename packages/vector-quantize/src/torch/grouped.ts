import type { numpy as np } from "@jax-js/jax";
import { expected } from "../errors.ts";
import type { Quantizer } from "../quantizers/contract.ts";
import type { GroupedParams, GroupedState } from "../quantizers/grouped.ts";
import { groupedResidualFSQ } from "../quantizers/groupedResidualFSQ.ts";
import { groupedResidualLFQ } from "../quantizers/groupedResidualLFQ.ts";
import { groupedResidualVQ } from "../quantizers/groupedResidualVQ.ts";
import { below, joined, under } from "./prefixes.ts";
import { residualFSQTranslation, residualLFQTranslation } from "./residualScalar.ts";
import { residualVQTranslation } from "./residualVQ.ts";
import type { Translation } from "./translation.ts";

type Make = (options: never) => Quantizer;
type Tensors = Record<string, np.Array>;

/**
 * A grouped class of the reference, by the translation of its groups: a `state_dict` has those of
 * the groups under `rvqs.<group>.`.
 *
 * @param make ours, from the options of a group, the whole feature size and the number of groups
 */
function groupedTranslation(className: string, inner: Translation, make: Make): Translation {
  const type = className.charAt(0).toLowerCase() + className.slice(1);
  const part = (group: number) => `rvqs.${group}.`;
  return {
    className,
    type,

    fromTorch({ dim, groups = 1, accept_image_fmap: image = false, ...kwargs }, tensors) {
      const where = `fromTorch ${className}`;
      if (typeof dim !== "number") throw expected(`${where}: dim`, "a number", dim);
      if (typeof groups !== "number") throw expected(`${where}: groups`, "a number", groups);
      const all = Array.from({ length: groups }, (_, group) =>
        inner.fromTorch({ ...kwargs, dim: dim / groups }, below(tensors, part(group))),
      );
      const layout = image ? { layout: "image" } : {};
      const { type: _type, ...options } = all[0]?.quantizer.config ?? { type };
      return {
        quantizer: make({ ...options, ...layout, dim, groups } as never),
        variables: {
          params: { groups: all.map(({ variables }) => variables.params) },
          state: { groups: all.map(({ variables }) => variables.state) },
        },
      };
    },

    toTorch({ dim, groups = 1, ...options }, variables) {
      const params = variables.params as GroupedParams;
      const state = variables.state as GroupedState;
      const width = (dim as number) / (groups as number);
      const all = params.groups.map((own, group) =>
        inner.toTorch(
          { ...options, dim: width },
          { params: own, state: state.groups[group] as GroupedState["groups"][number] },
        ),
      );
      return {
        kwargs: {
          ...all[0]?.kwargs,
          ...(options.layout === "image" && { accept_image_fmap: true }),
          dim,
          groups,
        },
        tensors: joined<np.Array>(
          all.map(({ tensors }, group): Tensors => under(part(group), tensors)),
        ),
      };
    },
  };
}

/** Every grouped class. */
export const groupedTranslations: readonly Translation[] = [
  groupedTranslation(
    "GroupedResidualVQ",
    residualVQTranslation,
    groupedResidualVQ as unknown as Make,
  ),
  groupedTranslation(
    "GroupedResidualFSQ",
    residualFSQTranslation,
    groupedResidualFSQ as unknown as Make,
  ),
  groupedTranslation(
    "GroupedResidualLFQ",
    residualLFQTranslation,
    groupedResidualLFQ as unknown as Make,
  ),
];
