import { numpy as np, random, tree } from "@jax-js/jax";
import { expected, VectorQuantizeError } from "../errors.ts";
import type { Layout } from "../layout/layout.ts";
import { count } from "../options/kinds.ts";
import type { OptionTable } from "../options/table.ts";
import { refuseRows } from "../search/usable.ts";
import { type ArrayTree, jitted, owns } from "../tree.ts";
import type { Quantizer, QuantizerConfig, Variables } from "./contract.ts";
import { guarded, optionsTakenBy, scoresOf, unguarded } from "./guard.ts";
import {
  drawDepth,
  dropoutOf,
  type QuantizeDropout,
  type QuantizeDropoutOptions,
} from "./residual/dropout.ts";
import type { ResidualApplyOptions, ResidualQuantizer } from "./residual.ts";

/** One entry per group. */
export type GroupedParams = { groups: ArrayTree[] };
/** One entry per group. */
export type GroupedState = { groups: ArrayTree[] };
type GroupedVariables = Variables<GroupedParams, GroupedState>;

/** A quantizer that cuts the features into groups, each quantized by itself. */
export interface GroupedQuantizer extends Quantizer<GroupedParams, GroupedState> {
  /** Number of groups, `G`. */
  readonly groups: number;
  /** Index -1 means that a layer adds nothing. */
  readonly layersMayRest: true;
  apply(
    variables: GroupedVariables,
    x: np.Array,
    options?: ResidualApplyOptions,
  ): ReturnType<Quantizer<GroupedParams, GroupedState>["apply"]>;
  encode(
    variables: GroupedVariables,
    x: np.Array,
    options?: Parameters<ResidualQuantizer["encode"]>[2],
  ): Promise<np.Array>;
}

/** Options of a grouped quantizer, beside those of its groups. */
export class GroupedOptions {
  /** Parts that the features are cut into, `G`. Default 1. */
  groups?: number = count(1);
}

/** What a family tells `groupedOf`. */
export interface GroupedFamily {
  readonly config: QuantizerConfig;
  readonly dim: number;
  readonly groups: number;
  readonly layout: Layout;
  /** Makes the quantizer of a group of that many features. */
  readonly make: (dim: number) => ResidualQuantizer;
  /** Which vectors `[..., dim]` its groups can quantize: one that a group refuses gets no code at all. */
  readonly usable: (x: np.Array) => np.Array;
  /** The dropout of its layers, which all groups then share. */
  readonly dropout?: QuantizeDropout;
}

/**
 * Residual quantizers side by side, each on its own part of the features, in order. Written once for
 * every family; `groupedResidualVQ` and the like are recipes on it.
 *
 * Indices have an axis for the groups at their front, `[G, ..., Q]`; `loss` is `[G, Q]`. Layers that
 * dropout takes away are the same in all groups; everything else draws by itself.
 *
 * @throws VectorQuantizeError unless `groups` divides `dim`
 */
export function groupedOf(family: GroupedFamily): GroupedQuantizer {
  const { config, dim, groups, layout, dropout, usable } = family;
  const where = config.type;
  if (dim % groups !== 0) throw expected(`${where}: dim`, `a multiple of groups = ${groups}`, dim);
  const width = dim / groups;
  const made = family.make(width);
  const inner = unguarded(made);
  const Q = inner.codebookSizes.length;
  const all = Array.from({ length: groups }, (_, group) => group);

  const variablesOf = ({ params, state }: GroupedVariables, group: number) =>
    tree.ref({ params: params.groups[group], state: state.groups[group] }) as never;

  /** The parts of `x`, by group. */
  const partsOf = jitted((x: np.Array): np.Array[] => {
    const axis = layout === "channelLast" ? x.ndim - 1 : 1;
    const last = np.moveaxis(x, axis, -1); // [..., dim]
    const open = np.moveaxis(refuseRows(last.ref, usable(last)), -1, axis);
    const before = Array.from({ length: axis }, (): [] => []);
    return all.map((group) => open.ref.slice(...before, [group * width, (group + 1) * width]));
  });

  const join = (parts: np.Array[]) => np.concatenate(parts, layout === "channelLast" ? -1 : 1);

  const keysOf = (key: np.Array | undefined, count: number) =>
    key ? [...random.split(key.ref, count)] : [];

  const rowOf = (indices: np.Array, group: number) => indices.ref.slice(group);

  const quantizer: GroupedQuantizer = {
    config,
    dim,
    groups,
    layersMayRest: true,
    codebookSizes: all.flatMap(() => inner.codebookSizes),

    init(key) {
      const made = [...random.split(key, groups)].map((own) => inner.init(own));
      return {
        params: { groups: made.map(({ params }) => params) },
        state: { groups: made.map(({ state }) => state) },
      };
    },

    async fit(variables, x, { key = random.key(0), iterations, warn, ...masks } = {}) {
      using _ = owns(variables, x, masks, key);
      const keys = keysOf(key, groups);
      const parts = partsOf(x.ref);
      const made: Variables[] = [];
      using _held = owns(keys, made, parts);
      for (const group of all) {
        const part = (parts[group] as np.Array).ref;
        const fitted = await inner.fit(variablesOf(variables, group), part, {
          key: (keys[group] as np.Array).ref,
          ...(iterations !== undefined && { iterations }),
          ...(warn && { warn }),
          ...tree.ref(masks),
        });
        made.push(fitted);
      }
      const fitted = tree.ref(made as never) as Variables[];
      return {
        params: { groups: fitted.map(({ params }) => params) },
        state: { groups: fitted.map(({ state }) => state) },
      };
    },

    apply(variables, x, options = {}) {
      const { key, mask, lengths, indices, targets, depth, ...mode } = options;
      const given = { ...(indices && { indices }), ...(targets && { targets }) };
      const masks = { ...(mask && { mask }), ...(lengths && { lengths }) };
      const traced = typeof depth === "object" ? { depth } : {};
      using _ = owns(variables, x, key, given, masks, traced);
      const at = `${where}.apply`;
      const drops =
        mode.training && dropout && depth === undefined && Object.keys(given).length === 0;
      if (drops && !key) {
        throw new VectorQuantizeError(
          `${at}: expected options.key, got none; quantizeDropout draws at random`,
        );
      }
      const keys = keysOf(key, groups + 1);
      const depthKey = keys.pop();
      const drawn = drops && depthKey ? drawDepth(dropout, Q, depthKey.ref) : undefined;
      depthKey?.dispose();
      using _drawn = owns(drawn);
      const layers = drawn ?? depth;
      const vectors = partsOf(x.ref);
      using _held = owns(keys, vectors);
      const parts = vectors.map((part, group) =>
        inner.apply(variablesOf(variables, group), part.ref, {
          ...mode,
          ...(keys[group] && { key: keys[group].ref }),
          ...tree.ref(masks),
          ...(layers !== undefined && {
            depth: typeof layers === "object" ? layers.ref : layers,
          }),
          ...(indices && { indices: rowOf(indices, group) }),
          ...(targets && { targets: rowOf(targets, group) }),
        }),
      );
      const stack = (pick: (part: (typeof parts)[number]) => np.Array) =>
        np.stack(parts.map(pick), 0);
      return {
        quantized: join(parts.map(({ quantized }) => quantized)),
        indices: stack((part) => part.indices), // [G, ..., Q]
        loss: stack(({ loss }) => loss), // [G, Q]
        losses: Object.fromEntries(
          Object.keys(parts[0]?.losses ?? {}).map((name) => [
            name,
            stack(({ losses }) => losses[name] as np.Array),
          ]),
        ),
        state: { groups: parts.map(({ state }) => state) },
      };
    },

    async encode(variables, x, { mask, lengths, ...mode } = {}) {
      const masks = { ...(mask && { mask }), ...(lengths && { lengths }) };
      using _ = owns(variables, x, masks);
      const parts = partsOf(x.ref);
      using _parts = owns(parts);
      const found: np.Array[] = [];
      for (const [group, part] of parts.entries()) {
        const call = { ...mode, ...tree.ref(masks) };
        found.push(await inner.encode(variablesOf(variables, group), part.ref, call));
      }
      return np.stack(found, 0);
    },

    async update(variables, x, indices, { key, ...masks } = {}) {
      using _ = owns(variables, x, indices, masks, key);
      const keys = keysOf(key, groups + 1);
      keys.pop()?.dispose(); // the one that draws the depth in `apply`
      const parts = partsOf(x.ref);
      using _held = owns(keys, parts);
      const moved: ArrayTree[] = [];
      for (const [group, part] of parts.entries()) {
        const own = keys[group];
        const call = { ...tree.ref(masks), ...(own && { key: own.ref }) };
        moved.push(
          await inner.update(variablesOf(variables, group), part.ref, rowOf(indices, group), call),
        );
      }
      return { groups: moved };
    },

    codes(variables, indices) {
      using _ = owns(variables, indices);
      return np.stack(
        all.map((group) => inner.codes(variablesOf(variables, group), rowOf(indices, group))),
        0,
      ); // [G, Q, ...]
    },

    decode(variables, indices, masks = {}) {
      using _ = owns(variables, indices, masks);
      return join(
        all.map((group) =>
          inner.decode(variablesOf(variables, group), rowOf(indices, group), tree.ref(masks)),
        ),
      );
    },
  };
  return guarded(quantizer, {
    layout,
    indices: { groups, axes: [Q], layers: true },
    scores: (call) => groups * scoresOf(made, call),
    takes: {
      apply: optionsTakenBy(made, "apply") ?? [],
      encode: optionsTakenBy(made, "encode") ?? [],
    },
  });
}

/** What the options of groups that are made alike have in common. */
type AlikeOptions = GroupedOptions & QuantizeDropoutOptions & { dim: number; layout?: Layout };

/**
 * Groups that are made alike, by a factory of this table.
 *
 * @param make makes a group, of options with its own `dim`
 * @param usable which rows have codes: see `GroupedFamily`
 */
export function groupsAlike<Given extends AlikeOptions>(
  table: OptionTable<Given, Required<Given>>,
  given: Given,
  make: (options: Omit<Given, "groups">) => ResidualQuantizer,
  usable: GroupedFamily["usable"],
): GroupedQuantizer {
  const { options, config } = table.read(given);
  const { groups: _, ...own } = given;
  const { dim, groups, layout } = options as Required<AlikeOptions>;
  return groupedOf({
    config,
    dim,
    groups,
    layout,
    usable,
    make: (width) => make({ ...own, dim: width }),
    ...dropoutOf(options as Required<AlikeOptions>),
  });
}
