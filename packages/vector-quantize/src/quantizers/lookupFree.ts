import { blockUntilReady, jit, numpy as np, tree } from "@jax-js/jax";
import { expected, VectorQuantizeError } from "../errors.ts";
import { checkInput, positionShape } from "../layout/layout.ts";
import { checkMask, zeroMasked } from "../layout/mask.ts";
import { floats, onKernels } from "../search/kernel.ts";
import { owns } from "../tree.ts";
import type { Quantizer } from "./contract.ts";
import { encoderOf } from "./lookupFree/encoder.ts";
import type {
  LookupFreeFamily,
  LookupFreeParams,
  LookupFreeState,
  Preparation,
} from "./lookupFree/family.ts";
import { type Call, indexAxes, lookupFreeGraph } from "./lookupFree/graph.ts";

/** A quantizer whose codes are computed from their indices, not looked up in a table. */
export interface LookupFreeQuantizer<
  P extends LookupFreeParams = LookupFreeParams,
  S extends LookupFreeState = LookupFreeState,
> extends Quantizer<P, S> {
  /** Level of every dimension, int32 `[...positions, (codebooks,) d]`, of `indices`. */
  levelIndices(indices: np.Array): np.Array;

  /** The inverse of `codes`: the indices of code vectors, laid out as `codes` gives them. */
  codesToIndices(variables: { params: P; state: S }, codes: np.Array): np.Array;
}

/** `jit` under the function's own type: jax-js's mapped types cannot see through `P` and `S`. */
const compiled = <F>(traced: F): F => jit(traced as never) as unknown as F;

/**
 * The quantizer of a family: checks the calls, jits the family's functions, and obeys the contract.
 *
 * There is nothing to fit and no state that moves, so `fit` gives the variables back and `update`
 * the state.
 */
export function lookupFree<P extends LookupFreeParams, S extends LookupFreeState>(
  family: LookupFreeFamily<P, S>,
): LookupFreeQuantizer<P, S> {
  const { name, dim, layout, codebooks, radix } = family;
  const graph = lookupFreeGraph(family);
  const evaluate = compiled(graph.evaluate);
  const train = compiled(graph.train);
  const preparation = compiled(graph.preparation);
  const encode = compiled(graph.encode);
  const latents = compiled(graph.latents);
  const settle = compiled(graph.settle);
  const encoder = encoderOf(family);
  const codes = compiled(graph.codes);
  const decode = compiled(graph.decode);
  const levelIndices = compiled(graph.levelIndices);
  const codesToIndices = compiled(graph.codesToIndices);
  const axes = indexAxes(family);

  const checkCall = (method: string, x: np.Array, { indices, ...masks }: Partial<Call<P, S>>) => {
    const where = `${name}.${method}`;
    checkInput(where, x.shape, layout, dim);
    const positions = positionShape(x.shape, layout);
    checkMask(where, masks, positions);
    const shape = [...positions, ...axes];
    if (indices && String(indices.shape) !== String(shape)) {
      throw expected(`${where}: shape of indices`, JSON.stringify(shape), indices.shape);
    }
  };

  const checkIndices = (method: string, { shape }: np.Array) => {
    const own = shape.slice(shape.length - axes.length);
    if (shape.length <= axes.length || String(own) !== String(axes)) {
      const wanted = ["...positions", ...axes].join(", ");
      throw expected(`${name}.${method}: shape of indices`, `[${wanted}]`, shape);
    }
  };

  const checkKey = (method: string, training: boolean, key: np.Array | undefined) => {
    if (!training || !family.draws || key) return;
    throw new VectorQuantizeError(
      `${name}.${method}: expected options.key, got none; ${family.draws} draws at random`,
    );
  };

  /** What a call draws with. */
  const drawing = (key?: np.Array, draws?: boolean, temperature = family.temperature) => ({
    ...(key && draws && { key: key.ref }),
    ...(family.temperature !== undefined && { temperature: np.array(temperature as number) }),
  });

  const prepare: Quantizer<P, S>["prepare"] =
    family.prepare &&
    (async (variables, x, { key, mask, lengths, temperature } = {}) => {
      const masks = { ...(mask && { mask }), ...(lengths && { lengths }) };
      using _ = owns(variables, x, masks, key);
      checkCall("prepare", x, masks);
      checkKey("prepare", true, key);
      const draws = drawing(key, family.draws !== undefined, temperature);
      const needed = preparation({ ...tree.ref({ variables, x, ...masks }), ...draws } as Call<
        P,
        S
      >);
      return (family.prepare as Preparation<P, S>).find(needed);
    });

  return {
    config: family.config,
    dim,
    codebookSizes: Array.from({ length: codebooks }, () => radix.sizes).flat(),
    ...(prepare && { trainsApart: true, prepare }),

    init: (key) => family.init(key),

    async fit(variables, x, given = {}) {
      const { mask, lengths } = given;
      using _ = owns(variables, x, given.key, mask, lengths);
      checkCall("fit", x, { ...(mask && { mask }), ...(lengths && { lengths }) });
      return tree.ref(variables);
    },

    apply(variables, x, given = {}) {
      const { training = false, key, mask, lengths, indices, temperature, prepared } = given;
      const arrays = {
        ...(mask && { mask }),
        ...(lengths && { lengths }),
        ...(indices && { indices }),
      };
      using _ = owns(variables, x, arrays, key, prepared);
      checkCall("apply", x, arrays);
      checkKey("apply", training, key);
      const call: Call<P, S> = tree.ref({ variables, x, ...arrays });
      if (!training) {
        const draws = drawing(key, family.drawsInEvaluation, temperature);
        return { ...evaluate({ ...call, ...draws }), state: tree.ref(variables.state) };
      }
      const found = prepared && { prepared: tree.ref(prepared) };
      return train({ ...call, ...drawing(key, family.draws !== undefined, temperature), ...found });
    },

    async encode(variables, x, { mask, lengths } = {}) {
      const masks = { ...(mask && { mask }), ...(lengths && { lengths }) };
      using _ = owns(variables, x, masks);
      checkCall("encode", x, masks);
      if (!encoder || !onKernels(x)) {
        return blockUntilReady(encode(tree.ref({ variables, x, ...masks })));
      }
      const direct = family.latentsAreVectors && layout === "channelLast";
      const rows = direct ? x.ref : latents(tree.ref({ variables, x, ...masks }));
      const found = np.array(await encoder(await floats(rows)));
      if (mask || lengths) return blockUntilReady(settle({ found, ...tree.ref({ x, masks }) }));
      return found.reshape([...positionShape(x.shape, layout), ...axes]);
    },

    async update(variables, x, indices, { key, mask, lengths } = {}) {
      const arrays = { indices, ...(mask && { mask }), ...(lengths && { lengths }) };
      using _ = owns(variables, x, arrays, key);
      checkCall("update", x, arrays);
      return tree.ref(variables.state);
    },

    codes(variables, indices) {
      using _ = owns(variables, indices);
      checkIndices("codes", indices);
      return codes(tree.ref(variables), indices.ref);
    },

    decode(variables, indices, { mask, lengths } = {}) {
      const masks = { ...(mask && { mask }), ...(lengths && { lengths }) };
      using _ = owns(variables, indices, masks);
      checkIndices("decode", indices);
      const positions = indices.shape.slice(0, indices.ndim - axes.length);
      checkMask(`${name}.decode`, masks, positions);
      const output = decode(tree.ref(variables), indices.ref);
      return zeroMasked(output, tree.ref(masks), positions, layout);
    },

    levelIndices(indices) {
      using _ = owns(indices);
      checkIndices("levelIndices", indices);
      return levelIndices(indices.ref);
    },

    codesToIndices(variables, given) {
      using _ = owns(variables, given);
      const width = codebooks * (family.codeWidth ?? radix.levels.length);
      checkInput(`${name}.codesToIndices`, given.shape, layout, width);
      return codesToIndices(tree.ref(variables), given.ref);
    },
  };
}
