import { blockUntilReady, numpy as np, random, tree } from "@jax-js/jax";
import { checkInteger, expected } from "../errors.ts";
import { declared, integer, list } from "../options/kinds.ts";
import { optionTable } from "../options/table.ts";
import { jitByMode, jitted, release } from "../tree.ts";
import type { Quantized, Quantizer, Variables } from "./contract.ts";
import { type FactorizedVQParams, factorizedVQ } from "./factorizedVQ.ts";
import { guarded, scoresOf, unguarded } from "./guard.ts";
import { resting } from "./resting.ts";

const checkStrides = list("a list of at least one stride", (where, value) =>
  checkInteger(where, value, 1, 2 ** 20),
);

/** Options of `multiscaleVQ`. */
export class MultiscaleVQOptions {
  /** Feature size of the input. */
  dim: number = integer();
  /** Codes of every scale, `K`. */
  codebookSize: number = integer();
  /** Feature size of the codes. Default 8. */
  codebookDim?: number = integer(8);
  /** Steps that a code of each scale stands for, such as `[4, 2, 1]`. */
  strides: readonly number[] = declared(checkStrides);
}

const table = optionTable<MultiscaleVQOptions>("multiscaleVQ", [MultiscaleVQOptions]);

/** What gradients train: each scale's own. */
export type MultiscaleVQParams = { readonly layers: readonly FactorizedVQParams[] };
type Nothing = Record<string, never>;

/** A `multiscaleVQ` quantizer. */
export interface MultiscaleVQuantizer extends Quantizer<MultiscaleVQParams, Nothing> {
  /** Steps that a code of each scale stands for. */
  readonly strides: readonly number[];
}

type Call = {
  variables: Variables<MultiscaleVQParams, Nothing>;
  x: np.Array;
  indices?: np.Array;
};

/**
 * Residual quantization of series in several resolutions: each scale is a `factorizedVQ` of the means
 * over `strides[i]` steps of what the scales before left, and adds its codes to all of these steps.
 *
 * Series are `[B, T, D]`, with `T` a multiple of every stride. The indices `[B, P]` are those of the
 * first scale, `T / strides[0]` of them, then those of the next, each in the order of time. There are no
 * masks, and there is nothing to `fit`. `loss` is the sum over the scales.
 *
 * @throws VectorQuantizeError for an option that is unknown or out of range, and for series of another
 *   length
 *
 * Source: Siuzdak et al., "SNAC: Multi-Scale Neural Audio Codec", 2024, https://arxiv.org/abs/2410.14411.
 */
export function multiscaleVQ(given: MultiscaleVQOptions): MultiscaleVQuantizer {
  const { options, config } = table.read(given);
  const { strides, ...each } = options;
  const { dim, codebookSize } = options;
  const { name: where } = table;
  const scale = factorizedVQ(each);
  const layer = unguarded(scale);
  const all = [...strides.keys()];
  const strideOf = (at: number) => strides[at] as number;
  const share = strides.reduce((sum, stride) => sum + 1 / stride, 0);
  const lengthsOf = (T: number) => strides.map((stride) => T / stride);
  const total = (counts: readonly number[]) => counts.reduce((a, b) => a + b, 0);
  /** The length of series with so many codes. */
  const lengthOf = (P: number) => Math.round(P / share);

  const pooled = (x: np.Array, at: number): np.Array => {
    const [B, T] = x.shape as [number, number];
    const stride = strideOf(at);
    return stride === 1 ? x : np.mean(x.reshape([B, T / stride, stride, dim]), 2);
  };
  const spread = (codes: np.Array, at: number): np.Array => {
    const [B, N] = codes.shape as [number, number];
    const stride = strideOf(at);
    if (stride === 1) return codes;
    const wide = np.broadcastTo(np.expandDims(codes, 2), [B, N, stride, dim]);
    return wide.reshape([B, N * stride, dim]);
  };
  const partOf = (indices: np.Array, at: number, T: number): np.Array => {
    const lengths = lengthsOf(T);
    const start = lengths.slice(0, at).reduce((a, b) => a + b, 0);
    return indices.ref.slice([], [start, start + (lengths[at] as number)]);
  };
  const ownOf = ({ params }: Call["variables"], at: number) => ({
    params: tree.ref(params.layers[at]) as FactorizedVQParams,
    state: {} as Nothing,
  });

  const run = jitByMode(({ variables, x, indices }: Call, mode: { training: boolean }) => {
    const T = x.shape[1] as number;
    let left = x.ref;
    let sum = np.zerosLike(x);
    const outs: Quantized<Nothing>[] = [];
    for (const at of all) {
      const out = layer.apply(ownOf(variables, at), pooled(left.ref, at), {
        ...mode,
        ...(indices && { indices: partOf(indices, at, T) }),
      });
      const added = spread(out.quantized, at);
      left = left.sub(added.ref);
      sum = sum.add(added);
      outs.push(out);
    }
    const summed = (arrays: np.Array[]) => arrays.reduce((a, b) => a.add(b));
    const lossOf = (name: string) => summed(outs.map(({ losses }) => losses[name] as np.Array));
    return {
      quantized: sum,
      indices: np.concatenate(
        outs.map((out) => out.indices),
        1,
      ),
      loss: summed(outs.map(({ loss }) => loss)),
      losses: { codebook: lossOf("codebook"), commitment: lossOf("commitment") },
      state: {} as Nothing,
    };
  });
  const pool = jitByMode(({ left }: { left: np.Array }, { at }: { at: number }) =>
    pooled(left, at),
  );
  const leave = jitByMode(
    ({ left, codes }: { left: np.Array; codes: np.Array }, { at }: { at: number }) =>
      left.sub(spread(codes, at)),
  );
  const decode = jitted((variables: Call["variables"], indices: np.Array) => {
    const T = lengthOf(indices.shape[1] as number);
    return all
      .map((at) => spread(layer.decode(ownOf(variables, at), partOf(indices, at, T)), at))
      .reduce((a, b) => a.add(b)); // [B, T, D]
  });
  const codes = jitted((variables: Call["variables"], indices: np.Array) => {
    const T = lengthOf(indices.shape[1] as number);
    return np.concatenate(
      all.map((at) => layer.codes(ownOf(variables, at), partOf(indices, at, T))),
      1,
    ); // [B, P, C]
  });

  const checkSeries = (call: string, { shape }: np.Array) => {
    const fits =
      shape.length === 3 && strides.every((stride) => (shape[1] as number) % stride === 0);
    if (fits) return;
    const what = `[B, T, ${dim}] with T a multiple of ${strides.join(", ")}`;
    throw expected(`${where}.${call}: shape of x`, what, shape);
  };

  const quantizer: MultiscaleVQuantizer = {
    config,
    dim,
    codebookSizes: [codebookSize],
    trainsApart: true,
    strides,

    init(key) {
      const keys = [...random.split(key.ref, strides.length)];
      return { params: { layers: keys.map((own) => layer.init(own).params) }, state: {} };
    },

    ...resting(),

    apply(variables, x, { training = false, indices } = {}) {
      checkSeries("apply", x);
      return run(tree.ref({ variables, x, ...(indices && { indices }) }), { training });
    },

    async encode(variables, x) {
      checkSeries("encode", x);
      let left = x.ref;
      const found: np.Array[] = [];
      try {
        for (const at of all) {
          const indices = await layer.encode(
            ownOf(variables, at),
            pool({ left: left.ref }, { at }),
          );
          found.push(indices);
          const added = layer.decode(ownOf(variables, at), indices.ref);
          left = leave({ left, codes: added }, { at });
        }
        return await blockUntilReady(np.concatenate(tree.ref(found), 1));
      } finally {
        release([left, found]);
      }
    },

    codes: (variables, indices) => codes(tree.ref(variables), indices.ref),

    decode: (variables, indices) => decode(tree.ref(variables), indices.ref),
  };
  return guarded(quantizer, {
    layout: "channelLast",
    indices: {
      axes: [],
      positions: ([B, T = 0]) => [B as number, total(lengthsOf(T))],
      fits: ([_, P = 0, ...more]) => {
        const lengths = lengthsOf(lengthOf(P));
        return (
          more.length === 0 && P > 0 && lengths.every(Number.isInteger) && total(lengths) === P
        );
      },
    },
    masks: false,
    scores: (call) => strides.length * scoresOf(scale, call),
  });
}
