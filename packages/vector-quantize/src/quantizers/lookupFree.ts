import { blockUntilReady, numpy as np, tree } from "@jax-js/jax";
import { expected } from "../errors.ts";
import { checkInput, positionShape } from "../layout/layout.ts";
import { zeroMasked } from "../layout/mask.ts";
import { byPath } from "../paths.ts";
import { floats } from "../search/kernel.ts";
import { arraysIn, jittedAll } from "../tree.ts";
import { checkKey } from "./checkKey.ts";
import type { Quantizer, Variables } from "./contract.ts";
import { guarded } from "./guard.ts";
import { encoderOf } from "./lookupFree/encoder.ts";
import type {
  LookupFreeFamily,
  LookupFreeParams,
  LookupFreeState,
  Preparation,
} from "./lookupFree/family.ts";
import { indexAxes, type LookupFreeCall, lookupFreeGraph } from "./lookupFree/graph.ts";
import { resting } from "./resting.ts";

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
  const graph = jittedAll(lookupFreeGraph(family));
  const encoder = encoderOf(family);
  const axes = indexAxes(family);

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
    (async (variables, x, { key, temperature, ...masks } = {}) => {
      checkKey(`${name}.prepare`, key, family.draws);
      checkTemperature("prepare", temperature);
      const call = tree.ref({ variables, x, ...masks }) as LookupFreeCall<P, S>;
      const draws = drawing(key, family.draws !== undefined, temperature);
      const needed = graph.preparation({ ...call, ...draws });
      return (family.prepare as Preparation<P, S>).find(needed);
    });

  const quantizer: LookupFreeQuantizer<P, S> = {
    config: family.config,
    dim,
    ...(family.codeWidth && { outputs: codebooks * family.codeWidth }),
    codebookSizes: Array.from({ length: codebooks }, () => radix.sizes).flat(),
    ...(prepare && { trainsApart: true, prepare }),

    init: (key) => family.init(key.ref),

    ...resting(),

    apply(variables, x, given = {}) {
      const { training = false, key, temperature, prepared, ...rest } = given;
      checkKey(`${name}.apply`, key, training && family.draws);
      checkTemperature("apply", temperature);
      const call: LookupFreeCall<P, S> = tree.ref({ variables, x, ...arraysIn(rest) });
      if (!training) {
        const draws = drawing(key, family.drawsInEvaluation, temperature);
        return { ...graph.evaluate({ ...call, ...draws }), state: tree.ref(variables.state) };
      }
      const draws = drawing(key, family.draws !== undefined, temperature);
      const found = prepared && { prepared: tree.ref(prepared) };
      return graph.train({ ...call, ...draws, ...found });
    },

    async encode(variables, x, masks = {}) {
      const call = () => tree.ref({ variables, x, ...masks });
      const onKernels =
        encoder &&
        (async () => {
          const direct = family.latentsAreVectors && layout === "channelLast";
          const found = np.array(
            await encoder(await floats(direct ? x.ref : graph.latents(call()))),
          );
          if (codebooks > 1 || Object.keys(masks).length > 0) {
            return graph.asIndices({ found, ...tree.ref({ x, masks }) });
          }
          return found.reshape([...positionShape(x.shape, layout), ...axes]);
        });
      return blockUntilReady(await byPath(x, onKernels, async () => graph.encode(call())));
    },

    ...(hasComparison(family) && {
      comparison: async (variables: Variables<P, S>, x: np.Array) =>
        blockUntilReady(graph.comparison(tree.ref(variables), x.ref)),
    }),

    codes: (variables, indices) => graph.codes(tree.ref(variables), indices.ref),

    decode(variables, indices, masks = {}) {
      const positions = indices.shape.slice(0, indices.ndim - axes.length);
      const output = graph.decode(tree.ref(variables), indices.ref);
      return zeroMasked(output, tree.ref(masks), positions, layout);
    },

    levelIndices: (indices) => graph.levelIndices(indices.ref),

    codesToIndices(variables, codes) {
      const width = codebooks * (family.codeWidth ?? radix.levels.length);
      checkInput(`${name}.codesToIndices`, codes.shape, layout, width);
      return graph.codesToIndices(tree.ref(variables), codes.ref);
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

/** Most codes that `comparison` makes a table of. */
const mostCompared = 2 ** 16;

/** Whether codes are the nearest to something, and few enough to be had at once. */
function hasComparison<P extends LookupFreeParams, S extends LookupFreeState>({
  values,
  codebooks,
  radix: { sizes },
}: LookupFreeFamily<P, S>): boolean {
  return values !== undefined && codebooks === 1 && sizes.length === 1 && sizes[0]! <= mostCompared;
}
