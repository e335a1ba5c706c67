import { blockUntilReady, numpy as np, tree } from "@jax-js/jax";
import { expected, VectorQuantizeError } from "../errors.ts";
import { checkInput, positionShape } from "../layout/layout.ts";
import { zeroMasked } from "../layout/mask.ts";
import { floats, onKernels } from "../search/kernel.ts";
import { jitted, owns } from "../tree.ts";
import type { Quantizer } from "./contract.ts";
import { guarded } from "./guard.ts";
import { encoderOf } from "./lookupFree/encoder.ts";
import type {
  LookupFreeFamily,
  LookupFreeParams,
  LookupFreeState,
  Preparation,
} from "./lookupFree/family.ts";
import { indexAxes, type LookupFreeCall, lookupFreeGraph } from "./lookupFree/graph.ts";

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

/**
 * The quantizer of a family: checks the calls, jits the family's functions, and obeys the contract.
 *
 * There is nothing to fit and no state that moves, so `fit` gives the variables back and `update`
 * the state.
 *
 * @param more methods that only this family has
 */
export function lookupFree<P extends LookupFreeParams, S extends LookupFreeState, More = object>(
  family: LookupFreeFamily<P, S>,
  more = {} as More,
): LookupFreeQuantizer<P, S> & More {
  const { name, dim, layout, codebooks, radix } = family;
  const graph = lookupFreeGraph(family);
  const evaluate = jitted(graph.evaluate);
  const train = jitted(graph.train);
  const preparation = jitted(graph.preparation);
  const encode = jitted(graph.encode);
  const latents = jitted(graph.latents);
  const settle = jitted(graph.settle);
  const encoder = encoderOf(family);
  const codes = jitted(graph.codes);
  const decode = jitted(graph.decode);
  const levelIndices = jitted(graph.levelIndices);
  const codesToIndices = jitted(graph.codesToIndices);
  const axes = indexAxes(family);

  const checkKey = (method: string, training: boolean, key: np.Array | undefined) => {
    if (!training || !family.draws || key) return;
    throw new VectorQuantizeError(
      `${name}.${method}: expected options.key, got none; ${family.draws} draws at random`,
    );
  };

  const checkTemperature = (method: string, temperature: number | undefined) => {
    if (temperature !== 0 || family.takesZeroTemperature) return;
    throw expected(`${name}.${method}: temperature`, "a number above 0", temperature);
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
      checkKey("prepare", true, key);
      checkTemperature("prepare", temperature);
      const draws = drawing(key, family.draws !== undefined, temperature);
      const needed = preparation({
        ...tree.ref({ variables, x, ...masks }),
        ...draws,
      } as LookupFreeCall<P, S>);
      return (family.prepare as Preparation<P, S>).find(needed);
    });

  const quantizer: LookupFreeQuantizer<P, S> = {
    config: family.config,
    dim,
    codebookSizes: Array.from({ length: codebooks }, () => radix.sizes).flat(),
    ...(prepare && { trainsApart: true, prepare }),

    init: (key) => family.init(key),

    async fit(variables, x, given = {}) {
      const { mask, lengths } = given;
      using _ = owns(variables, x, given.key, mask, lengths);
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
      checkKey("apply", training, key);
      checkTemperature("apply", temperature);
      const call: LookupFreeCall<P, S> = tree.ref({ variables, x, ...arrays });
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
      if (!encoder || !onKernels(x)) {
        return blockUntilReady(encode(tree.ref({ variables, x, ...masks })));
      }
      const direct = family.latentsAreVectors && layout === "channelLast";
      const rows = direct ? x.ref : latents(tree.ref({ variables, x, ...masks }));
      const found = np.array(await encoder(await floats(rows)));
      if (mask || lengths || codebooks > 1)
        return blockUntilReady(settle({ found, ...tree.ref({ x, masks }) }));
      return found.reshape([...positionShape(x.shape, layout), ...axes]);
    },

    async update(variables, x, indices, { key, mask, lengths } = {}) {
      const arrays = { indices, ...(mask && { mask }), ...(lengths && { lengths }) };
      using _ = owns(variables, x, arrays, key);
      return tree.ref(variables.state);
    },

    codes(variables, indices) {
      using _ = owns(variables, indices);
      return codes(tree.ref(variables), indices.ref);
    },

    decode(variables, indices, { mask, lengths } = {}) {
      const masks = { ...(mask && { mask }), ...(lengths && { lengths }) };
      using _ = owns(variables, indices, masks);
      const positions = indices.shape.slice(0, indices.ndim - axes.length);
      const output = decode(tree.ref(variables), indices.ref);
      return zeroMasked(output, tree.ref(masks), positions, layout);
    },

    levelIndices(indices) {
      using _ = owns(indices);
      return levelIndices(indices.ref);
    },

    codesToIndices(variables, given) {
      using _ = owns(variables, given);
      const width = codebooks * (family.codeWidth ?? radix.levels.length);
      checkInput(`${name}.codesToIndices`, given.shape, layout, width);
      return codesToIndices(tree.ref(variables), given.ref);
    },
  };
  const drawn = family.temperature === undefined ? [] : ["temperature"];
  return guarded(
    { ...quantizer, ...more },
    {
      layout,
      indices: { axes },
      takes: { apply: [...drawn, ...(prepare ? ["prepared"] : [])], prepare: drawn },
    },
  );
}
