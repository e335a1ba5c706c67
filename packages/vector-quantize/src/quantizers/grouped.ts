import { numpy as np, random, tree } from "@jax-js/jax";
import { expected } from "../errors.ts";
import type { Layout } from "../layout/layout.ts";
import { count } from "../options/kinds.ts";
import type { OptionTable } from "../options/table.ts";
import { passage } from "../passage.ts";
import { refuseRows } from "../search/usable.ts";
import { type ArrayTree, jitted, owns, type ParamTree, release } from "../tree.ts";
import { checkKey } from "./checkKey.ts";
import type {
  PassOptions,
  Quantized,
  Quantizer,
  QuantizerConfig,
  TrainingPass,
  Variables,
} from "./contract.ts";
import { guarded, optionsTakenBy, scoresOf, unguarded } from "./guard.ts";
import {
  drawDepth,
  dropoutOf,
  type QuantizeDropout,
  type QuantizeDropoutOptions,
} from "./residual/dropout.ts";
import type { ResidualApplyOptions, ResidualQuantizer } from "./residual.ts";
import { severalPasses } from "./severalPasses.ts";

/** One entry per group. */
export type GroupedParams = { groups: ParamTree[] };
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

  const axisOf = (x: np.Array) => (layout === "channelLast" ? x.ndim - 1 : 1);

  /** `x` with NaN for the vectors that a group refuses. */
  const refused = ({ x }: { x: np.Array }) => {
    const last = np.moveaxis(x, axisOf(x), -1); // [..., dim]
    return np.moveaxis(refuseRows(last.ref, usable(last)), -1, axisOf(x));
  };

  const cut = (x: np.Array): np.Array[] => {
    const before = Array.from({ length: axisOf(x) }, (): [] => []);
    return all.map((group) => x.ref.slice(...before, [group * width, (group + 1) * width]));
  };
  const cutGradient = jitted(cut);
  /** The parts of `x`, by group. */
  const partsOf = jitted((x: np.Array) => cut(refused({ x })));
  const entering = passage(refused)({});

  const join = (parts: np.Array[]) => np.concatenate(parts, layout === "channelLast" ? -1 : 1);

  /** What the groups put out, as one. Takes ownership. */
  const joined = (parts: Quantized[]): Quantized<GroupedState> => {
    const stack = (pick: (part: Quantized) => np.Array) => np.stack(parts.map(pick), 0);
    return {
      quantized: join(parts.map(({ quantized }) => quantized)),
      indices: stack(({ indices }) => indices), // [G, ..., Q]
      loss: stack(({ loss }) => loss), // [G, Q]
      losses: Object.fromEntries(
        Object.keys(parts[0]?.losses ?? {}).map((name) => [
          name,
          stack(({ losses }) => losses[name] as np.Array),
        ]),
      ),
      state: { groups: parts.map(({ state }) => state) },
    };
  };

  const keysOf = (key: np.Array | undefined, count: number) =>
    key ? [...random.split(key.ref, count)] : [];

  /** A key per group; the last one, which draws the depth in `apply`, is left out. */
  const keysOfGroups = (key: np.Array | undefined) => {
    const keys = keysOf(key, groups + 1);
    keys.pop()?.dispose();
    return keys;
  };

  /** What `run` makes of each group's part of `x`, with its key if there is one, one after another. */
  const inTurn = async <Made>(
    x: np.Array,
    keys: readonly np.Array[],
    run: (group: number, part: np.Array, own: { key?: np.Array }) => Promise<Made>,
  ): Promise<Made[]> => {
    const parts = partsOf(x.ref);
    using _ = owns(keys, parts);
    const made: Made[] = [];
    try {
      for (const [group, part] of parts.entries()) {
        made.push(await run(group, part.ref, tree.ref(keys[group] ? { key: keys[group] } : {})));
      }
    } catch (error) {
      release(made);
      throw error;
    }
    return made;
  };

  const rowOf = (indices: np.Array, group: number) => indices.ref.slice(group);

  const quantizer: GroupedQuantizer = {
    config,
    dim,
    groups,
    layersMayRest: true,
    codebookSizes: all.flatMap(() => inner.codebookSizes),

    ...(inner.trainsApart && { trainsApart: true }),

    init(key) {
      const made = [...random.split(key.ref, groups)].map((own) => inner.init(own));
      return {
        params: { groups: made.map(({ params }) => params) },
        state: { groups: made.map(({ state }) => state) },
      };
    },

    async fit(variables, x, { key, mask, lengths, ...how } = {}) {
      const masks = { ...(mask && { mask }), ...(lengths && { lengths }) };
      const keys = [...random.split(key?.ref ?? random.key(0), groups)];
      const fitted = await inTurn(x, keys, (group, part, own) =>
        inner.fit(variablesOf(variables, group), part, { ...how, ...tree.ref(masks), ...own }),
      );
      return {
        params: { groups: fitted.map(({ params }) => params) },
        state: { groups: fitted.map(({ state }) => state) },
      };
    },

    apply(variables, x, options = {}) {
      const { key, mask, lengths, indices, targets, depth, ...mode } = options;
      const masks = { ...(mask && { mask }), ...(lengths && { lengths }) };
      const drops = mode.training && depth === undefined && !indices && !targets && dropout;
      checkKey(`${where}.apply`, key, drops && "quantizeDropout");
      const keys = keysOf(key, groups + 1);
      const drawn = drops && drawDepth(dropout, Q, (keys[groups] as np.Array).ref);
      const layers = drawn || depth;
      const parts = partsOf(x.ref);
      using _ = owns(keys, drawn, parts);
      const outputs = parts.map((part, group) =>
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
      return joined(outputs);
    },

    async encode(variables, x, { mask, lengths, ...mode } = {}) {
      const masks = { ...(mask && { mask }), ...(lengths && { lengths }) };
      const found = await inTurn(x, [], (group, part) =>
        inner.encode(variablesOf(variables, group), part, { ...mode, ...tree.ref(masks) }),
      );
      return np.stack(found, 0);
    },

    async update(variables, x, indices, { key, ...masks } = {}) {
      const moved = await inTurn(x, keysOfGroups(key), (group, part, own) =>
        inner.update(variablesOf(variables, group), part, rowOf(indices, group), {
          ...tree.ref(masks),
          ...own,
        }),
      );
      return { groups: moved };
    },

    ...(inner.pass && { pass }),

    codes: (variables, indices) =>
      np.stack(
        all.map((group) => inner.codes(variablesOf(variables, group), rowOf(indices, group))),
        0,
      ), // [G, Q, ...]

    decode: (variables, indices, masks = {}) =>
      join(
        all.map((group) =>
          inner.decode(variablesOf(variables, group), rowOf(indices, group), tree.ref(masks)),
        ),
      ),
  };

  /** The training pass, group by group. */
  async function pass(
    variables: GroupedVariables,
    x: np.Array,
    { key, indices }: PassOptions = {},
  ): Promise<TrainingPass<GroupedParams, GroupedState>> {
    const run = inner.pass as NonNullable<typeof inner.pass>;
    const { passes } = await severalPasses((done) =>
      inTurn(x, keysOfGroups(key), async (group, part, own) => {
        const found = indices && { indices: rowOf(indices, group) };
        const options = { ...own, ...found };
        done.push((await run(variablesOf(variables, group), part, options)) as TrainingPass);
      }),
    );
    const given = { x: x.ref };
    return {
      quantized: joined(passes.map(({ quantized }) => quantized)),
      async back({ quantized, loss }) {
        const byOutput = cutGradient(quantized);
        const byLoss = [...loss]; // [Q] each
        const home: { params: ArrayTree; x: np.Array }[] = [];
        for (const [group, { back }] of passes.entries()) {
          const [output, own] = [byOutput[group], byLoss[group]] as [np.Array, np.Array];
          home.push(await back({ quantized: output, loss: own }));
        }
        const { x: gradient } = entering.backward(given, join(home.map(({ x: part }) => part)));
        return { params: { groups: home.map(({ params }) => params as ParamTree) }, x: gradient };
      },
      dispose() {
        tree.dispose(given);
        for (const { dispose } of passes) dispose();
      },
    };
  }

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
