import { numpy as np, random, tree } from "@jax-js/jax";
import { expected, VectorQuantizeError } from "../errors.ts";
import type { Layout } from "../layout/layout.ts";
import { declared, list } from "../options/kinds.ts";
import { optionTable } from "../options/table.ts";
import { type ArrayTree, arraysIn, jitted, owns } from "../tree.ts";
import { checkQuantizer } from "./checkQuantizer.ts";
import type { Quantized, Quantizer, Variables } from "./contract.ts";
import { guarded, scoresOf, unguarded } from "./guard.ts";
import type { ResidualQuantizer } from "./residual.ts";

/** Options of `summedQuantizer`. */
export class SummedQuantizerOptions {
  /** Residual quantizers of one feature size and layout, each with maps of its own. */
  quantizers: readonly ResidualQuantizer[] = declared(checkList);
}

const table = optionTable<SummedQuantizerOptions>(
  "summedQuantizer",
  [SummedQuantizerOptions],
  [checkParts],
);

/** Parameters of a `summedQuantizer`: those of its quantizers. */
export type SummedParams = { readonly parts: readonly ArrayTree[] };
/** State of a `summedQuantizer`: those of its quantizers. */
export type SummedState = { readonly parts: readonly ArrayTree[] };

/** A quantizer whose output is the sum of several. */
export interface SummedQuantizer extends Quantizer<SummedParams, SummedState> {
  /** Index -1 means that a layer adds nothing. */
  readonly layersMayRest: true;
}

/**
 * Residual quantizers beside one another: each quantizes the input itself, and the output is the sum of
 * theirs, as Mimi has one for what is said and one for how it sounds.
 *
 * The indices are those of the first, then those of the next: `[..., Q_1 + Q_2 + ...]`; `loss` is as long.
 * `decode` takes fewer columns for a coarse output, to which the quantizers without any add nothing.
 *
 * @throws VectorQuantizeError if the quantizers do not fit together
 *
 * Source: Défossez et al., "Moshi", 2024, section 3.3, https://arxiv.org/abs/2410.00037.
 */
export function summedQuantizer(given: SummedQuantizerOptions): SummedQuantizer {
  const { options, config } = table.read(given);
  const parts = options.quantizers.map(unguarded);
  const [first] = parts as [ResidualQuantizer];
  const layout = layoutOf(first);
  const sizes = parts.map(({ codebookSizes }) => codebookSizes.length);
  const starts = sizes.map((_, at) => sizes.slice(0, at).reduce((a, b) => a + b, 0));
  const total = sizes.reduce((a, b) => a + b, 0);
  const variablesAt = ({ params, state }: Variables<SummedParams, SummedState>, at: number) =>
    tree.ref({ params: params.parts[at], state: state.parts[at] }) as never;

  /** Indices of each quantizer, -1 where the call has no column. */
  const split = jitted((indices: np.Array): np.Array[] => {
    const { shape } = indices;
    const columns = shape.at(-1) as number;
    const missing = () => np.full([...shape.slice(0, -1), total - columns], -1).astype(np.int32);
    const whole = columns < total ? np.concatenate([indices, missing()], -1) : indices;
    return sizes.map((size, at) => {
      const start = starts[at] as number;
      const axes = shape.slice(0, -1).map(() => [] as []);
      return whole.ref.slice(...axes, [start, start + size]);
    });
  });
  const keysOf = (key: np.Array | undefined) =>
    key ? [...random.split(key.ref, parts.length)].map((own) => ({ key: own })) : [];
  /** Options of a call once more. */
  const again = <Options extends object>(given: Options): Options => ({
    ...given,
    ...(tree.ref(arraysIn(given) as never) as object),
  });
  const sum = (outputs: np.Array[]) => outputs.reduce((a, b) => a.add(b));

  const quantizer: SummedQuantizer = {
    config,
    dim: first.dim,
    codebookSizes: parts.flatMap(({ codebookSizes }) => codebookSizes),
    trainsApart: parts.every(({ trainsApart }) => trainsApart),
    layersMayRest: true,

    init(key) {
      const made = [...random.split(key.ref, parts.length)].map((own, at) =>
        (parts[at] as ResidualQuantizer).init(own),
      );
      return {
        params: { parts: made.map(({ params }) => params) },
        state: { parts: made.map(({ state }) => state) },
      };
    },

    async fit(variables, x, { key, ...rest } = {}) {
      const keys = keysOf(key);
      const fitted: Variables[] = [];
      for (const [at, part] of parts.entries()) {
        const own = { ...again(rest), ...keys[at] };
        fitted.push(await part.fit(variablesAt(variables, at), x.ref, own));
      }
      return {
        params: { parts: fitted.map(({ params }) => params) },
        state: { parts: fitted.map(({ state }) => state) },
      };
    },

    apply(variables, x, { key, indices, ...rest } = {}) {
      const keys = keysOf(key);
      const given = indices && split(indices.ref);
      const outs = parts.map((part, at) =>
        part.apply(variablesAt(variables, at), x.ref, {
          ...again(rest),
          ...keys[at],
          ...(given && { indices: given[at] as np.Array }),
        }),
      );
      return {
        quantized: sum(outs.map(({ quantized }) => quantized)),
        indices: np.concatenate(
          outs.map((out) => out.indices),
          -1,
        ),
        loss: np.concatenate(
          outs.map(({ loss }) => loss),
          -1,
        ),
        losses: joined(outs, sizes),
        state: { parts: outs.map(({ state }) => state) },
      };
    },

    async encode(variables, x, masks = {}) {
      const found: np.Array[] = [];
      using _ = owns(found);
      for (const [at, part] of parts.entries()) {
        found.push(await part.encode(variablesAt(variables, at), x.ref, again(masks)));
      }
      return np.concatenate(tree.ref(found), -1);
    },

    async update(variables, x, indices, { key, ...masks } = {}) {
      const keys = keysOf(key);
      const given = split(indices.ref);
      const moved: ArrayTree[] = [];
      for (const [at, part] of parts.entries()) {
        const own = { ...again(masks), ...keys[at] };
        const columns = given[at] as np.Array;
        moved.push(await part.update(variablesAt(variables, at), x.ref, columns, own));
      }
      return { parts: moved };
    },

    codes(variables, indices) {
      const given = split(indices.ref);
      const all = parts.map((part, at) =>
        part.codes(variablesAt(variables, at), given[at] as np.Array),
      );
      using _ = owns(all);
      const widths = new Set(all.map(({ shape }) => String(shape.slice(1))));
      if (widths.size > 1) {
        throw expected(`${table.name}.codes`, "codes of one feature size", [...widths]);
      }
      return np.concatenate(tree.ref(all), 0); // [Q_1 + Q_2 + ..., ...]
    },

    decode(variables, indices, masks = {}) {
      const given = split(indices.ref);
      using _ = owns(given);
      const columns = indices.shape.at(-1) as number;
      const used = parts.filter((_part, at) => (starts[at] as number) < columns);
      return sum(
        used.map((part, at) =>
          part.decode(variablesAt(variables, at), (given[at] as np.Array).ref, again(masks)),
        ),
      );
    },
  };
  return guarded(quantizer, {
    layout,
    indices: { axes: [total], layers: true },
    scores: (call) => options.quantizers.reduce((all, part) => all + scoresOf(part, call), 0),
  });
}

/** The losses of all layers by name, 0 for those that have none of the name. */
function joined(outs: readonly Quantized[], sizes: readonly number[]): Record<string, np.Array> {
  const names = [...new Set(outs.flatMap(({ losses }) => Object.keys(losses)))];
  return Object.fromEntries(
    names.map((name) => {
      const each = outs.map(({ losses }, at) => losses[name] ?? np.zeros([sizes[at] as number]));
      return [name, np.concatenate(each, -1)];
    }),
  );
}

const layoutOf = ({ config }: Pick<Quantizer, "config">) =>
  (config.layout as Layout | undefined) ?? "channelLast";

function checkList(where: string, value: unknown): void {
  if (Array.isArray(value) && value.length === 0) throw expected(where, "at least one", 0);
  list("a list of quantizers", checkQuantizer)(where, value);
}

/** Throws unless the quantizers fit together. */
function checkParts({ quantizers }: SummedQuantizerOptions, name: string): undefined {
  const [first] = quantizers as [ResidualQuantizer];
  for (const [at, part] of quantizers.entries()) {
    const where = `${name}: quantizers[${at}]`;
    if (!part.layersMayRest || "groups" in part) {
      throw expected(where, "a residual quantizer", part.config.type);
    }
    if (part.dim !== first.dim)
      throw expected(`${where}: dim`, `${first.dim}, as the first`, part.dim);
    if (layoutOf(part) !== layoutOf(first)) {
      throw expected(`${where}: layout`, `${layoutOf(first)}, as the first`, layoutOf(part));
    }
    if (part.config.maskedOutput === "input") {
      throw new VectorQuantizeError(
        `${where}: expected zeros for masked positions, got the input, which would count twice`,
      );
    }
  }
}
