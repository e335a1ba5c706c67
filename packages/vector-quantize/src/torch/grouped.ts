import { expected } from "../errors.ts";
import type { GroupedQuantizer } from "../quantizers/grouped.ts";
import { groupedResidualFSQ } from "../quantizers/groupedResidualFSQ.ts";
import { groupedResidualLFQ } from "../quantizers/groupedResidualLFQ.ts";
import { groupedResidualVQ } from "../quantizers/groupedResidualVQ.ts";
import type { ResidualQuantizer } from "../quantizers/residual.ts";
import { flagKwarg, type NamedValues, numberKwarg, required } from "./kwargs.ts";
import type { Mapping } from "./mapping.ts";
import { layered } from "./module.ts";
import { residualFSQTranslation } from "./residualFSQ.ts";
import { residualLFQTranslation } from "./residualLFQ.ts";
import { residualVQTranslation } from "./residualVQ.ts";
import { type ClassTranslation, translation } from "./translation.ts";

type Given = { dim: number; groups?: number };

/** A grouped class of the reference, by the translation of its groups. */
function grouped<Inner extends { dim?: number }>(
  className: string,
  { parts: inner }: ClassTranslation<Inner, ResidualQuantizer>,
  make: (given: never) => GroupedQuantizer,
): ClassTranslation<Given, GroupedQuantizer> {
  const type = className.charAt(0).toLowerCase() + className.slice(1);
  return translation<Given, GroupedQuantizer>({
    className,
    type,
    mapping: groupedMapping(inner.mapping, inner.className),
    make: make as (given: Given) => GroupedQuantizer,
    module({ groups = 1, ...given }) {
      const group = { ...given, dim: given.dim / groups } as never;
      return { fields: [], parts: layered(groups, inner.module(group), "rvqs", "groups") };
    },
  });
}

function groupedMapping(inner: Mapping, className: string): Mapping {
  return {
    ...inner,
    options: [...inner.options, "groups"],
    kwargs: {
      ...inner.kwargs,
      dim: required,
      groups: numberKwarg(1),
      accept_image_fmap: flagKwarg(false),
    },

    ours(where, { dim, groups = 1, accept_image_fmap: image = false, ...kwargs }) {
      if (typeof dim !== "number") throw expected(`${where}: dim`, "a number", dim);
      if (typeof groups !== "number") throw expected(`${where}: groups`, "a number", groups);
      const group = inner.ours(`fromTorch ${className}`, { ...kwargs, dim: dim / groups });
      return { ...group, ...(image ? { layout: "image" } : {}), dim, groups };
    },

    theirs(where, { dim, groups = 1, ...options }: NamedValues & Partial<Given>) {
      const group = inner.theirs(where, { ...options, dim: (dim as number) / groups });
      const image = options.layout === "image" && { accept_image_fmap: true };
      return { ...group, ...image, dim, groups };
    },

    lost: ({ dim, groups = 1, ...options }: NamedValues & Partial<Given>) =>
      inner.lost({ ...options, dim: (dim as number) / groups }),
  };
}

/** `GroupedResidualVQ` and `groupedResidualVQ`. */
export const groupedResidualVQTranslation = /* @__PURE__ */ grouped(
  "GroupedResidualVQ",
  residualVQTranslation,
  groupedResidualVQ,
);
/** `GroupedResidualFSQ` and `groupedResidualFSQ`. */
export const groupedResidualFSQTranslation = /* @__PURE__ */ grouped(
  "GroupedResidualFSQ",
  residualFSQTranslation,
  groupedResidualFSQ,
);
/** `GroupedResidualLFQ` and `groupedResidualLFQ`. */
export const groupedResidualLFQTranslation = /* @__PURE__ */ grouped(
  "GroupedResidualLFQ",
  residualLFQTranslation,
  groupedResidualLFQ,
);
