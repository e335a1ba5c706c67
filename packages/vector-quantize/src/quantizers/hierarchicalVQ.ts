import { blockUntilReady, numpy as np, random, tree } from "@jax-js/jax";
import { byPath } from "../paths.ts";
import { jitByMode, jitted, owns } from "../tree.ts";
import { checkKey } from "./checkKey.ts";
import type { ApplyOptions, MaskOptions, Quantized, Quantizer, Variables } from "./contract.ts";
import { guarded, unguarded } from "./guard.ts";
import { initSmoothing, type Smoothing } from "./hierarchicalVQ/images.ts";
import {
  codebookOptions,
  convolutionCount,
  type HierarchicalVQOptions,
  hierarchicalVQTable,
} from "./hierarchicalVQ/options.ts";
import {
  type HierarchicalParams,
  type HierarchicalState,
  hierarchicalPass,
  meanOfScales,
} from "./hierarchicalVQ/pass.ts";
import { scalesOf } from "./hierarchicalVQ/scales.ts";
import { vectorQuantize } from "./vectorQuantize.ts";

export type { HierarchicalParams, HierarchicalState } from "./hierarchicalVQ/pass.ts";

type Given = Variables<HierarchicalParams, HierarchicalState>;

/** A `hierarchicalVQ` quantizer. */
export interface HierarchicalQuantizer extends Quantizer<HierarchicalParams, HierarchicalState> {
  /**
   * What `apply` puts out in evaluation for these `indices`.
   *
   * @param options `size`: height and width of the image. Default: the last scale, both ways
   */
  decode(variables: Given, indices: np.Array, options?: MaskOptions & { size?: Size }): np.Array;
}

type Size = readonly [number, number];
type Call = { variables: Given; x: np.Array; key?: np.Array; indices?: np.Array };
type Mode = Pick<ApplyOptions, "training" | "moveState" | "freezeCodebook" | "temperature">;

/**
 * Multi-scale residual quantization of images: each scale quantizes what the scales before left,
 * pooled to its size, and adds it back upsampled and smoothed by a convolution. All scales share one
 * codebook.
 *
 * The input is `[B, D, H, W]`. Indices are `[B, P]` with `P = sum of scale^2`: the maps one after
 * another, each by rows. `loss` is the mean of the scales'. There are no masks. In training the
 * codebook moves with every scale. `fit` clusters what all scales see, twice: first of the image,
 * then of what they leave one another.
 *
 * ```ts
 * const quantizer = hierarchicalVQ({ dim: 32, codebookSize: 4096, scales: [1, 2, 4, 8, 16] });
 * const indices = await quantizer.encode(variables, x); // [B, 341]
 * const output = quantizer.decode(variables, indices, { size: [16, 16] });
 * ```
 *
 * @throws VectorQuantizeError for an option that is unknown or out of range
 *
 * Source: Tian et al., "Visual Autoregressive Modeling: Scalable Image Generation via Next-Scale
 * Prediction", 2024, algorithms 1 and 2, https://arxiv.org/abs/2404.02905. The reference's class is
 * `HierarchicalVQ`.
 */
export function hierarchicalVQ(given: HierarchicalVQOptions): HierarchicalQuantizer {
  const where = hierarchicalVQTable.name;
  const { options, config } = hierarchicalVQTable.read(given);
  const { dim, codebookSize } = options;
  const inner = unguarded(vectorQuantize(codebookOptions(options)));
  const scales = scalesOf(options);
  const all = Array.from({ length: scales.count }, (_, at) => at);
  const P = options.scales.reduce((sum, s) => sum + s * s, 0);
  const vqOf = ({ params, state }: Given) => tree.ref({ params: params.vq, state: state.vq });
  const spread = (params: HierarchicalParams, codes: np.Array, at: number, size: Size) => {
    const convolution = tree.ref(params.convolutions[scales.convolutionAt(at)] as Smoothing);
    return scales.spread({ codes, convolution }, { at, size });
  };

  const graph = ({ variables, x, key, indices }: Call, mode: Mode) => {
    const { params } = variables;
    const keys = key ? [...random.split(key, scales.count)] : [];
    let left = scales.toRows(x);
    const size = left.shape.slice(1, 3) as [number, number];
    let sum = np.zerosLike(left.ref);
    let state = variables.state.vq;
    const seen: np.Array[] = [];
    const outs = all.map((at) => {
      const own = keys[at];
      const pooled = scales.pool({ image: left.ref }, { at });
      seen.push(pooled.ref);
      const out = inner.apply({ params: tree.ref(params.vq), state }, pooled, {
        ...mode,
        ...(own && { key: own }),
        ...(indices && { indices: scales.partOf(indices, at) }),
      });
      state = out.state;
      const added = spread(params, out.quantized, at, size);
      left = left.sub(added.ref);
      sum = sum.add(added);
      return out;
    });
    return {
      out: {
        quantized: scales.fromRows(sum),
        ...meanOfScales(outs),
        state: { vq: state },
      } satisfies Quantized<HierarchicalState>,
      seen: np.concatenate(seen, 1), // [B, P, D]
    };
  };
  const run = jitByMode((call: Call, mode: Mode) => graph(call, mode).out);
  const look = jitByMode((call: Call, mode: Mode) => graph(call, mode).seen);
  const lookAtOnce = jitted((x: np.Array) => {
    const image = scales.toRows(x);
    return np.concatenate(
      all.map((at) => scales.pool({ image: image.ref }, { at })),
      1,
    ); // [B, P, D]
  });
  const decode = jitByMode(
    ({ variables, indices }: { variables: Given; indices: np.Array }, { size }: { size: Size }) => {
      const sum = all
        .map((at) => {
          const codes = inner.decode(vqOf(variables), scales.partOf(indices, at));
          return spread(variables.params, codes, at, size);
        })
        .reduce((a, b) => a.add(b)); // [B, H, W, D]
      return scales.fromRows(sum);
    },
  );
  const pass = inner.trainsApart && hierarchicalPass(inner, scales);

  const quantizer: HierarchicalQuantizer = {
    config,
    dim,
    codebookSizes: [codebookSize],

    init(key) {
      const keys = [...random.split(key.ref, 1 + convolutionCount(options))];
      const [vqKey, ...own] = keys as [np.Array, ...np.Array[]];
      const { params, state } = inner.init(vqKey);
      return {
        params: { vq: params, convolutions: own.map((each) => initSmoothing(each, dim)) },
        state: { vq: state },
      };
    },

    async fit(variables, x, { key, ...rest } = {}) {
      const { convolutions } = variables.params;
      const own = key?.ref ?? random.key(0);
      using _ = owns(own);
      const fitted = async (given: Given, seen: np.Array) => {
        const { params, state } = await inner.fit(vqOf(given), seen, { ...rest, key: own.ref });
        return {
          params: { vq: params, convolutions: tree.ref(convolutions) },
          state: { vq: state },
        };
      };
      const once = await fitted(variables, lookAtOnce(x.ref));
      using _once = owns(once);
      return await fitted(once, look({ variables: tree.ref(once), x: x.ref }, {}));
    },

    apply(variables, x, { key, indices, ...rest } = {}) {
      const mode = { training: false, moveState: indices === undefined, ...rest };
      const { training, temperature } = mode;
      const moves = training && mode.moveState && !mode.freezeCodebook;
      checkKey(`${where}.apply`, key, inner.drawing({ training, moves, temperature }));
      const arrays = { ...(key && { key }), ...(indices && { indices }) };
      return run(tree.ref({ variables, x, ...arrays }), mode);
    },

    async encode(variables, x) {
      const byScales = async () => {
        const found: np.Array[] = [];
        using _ = owns(found);
        const output = await scales.walk(x, variables.params.convolutions, async (seen) => {
          const indices = await inner.encode(vqOf(variables), seen.ref);
          found.push(indices);
          return inner.decode(vqOf(variables), indices.ref);
        });
        output.dispose();
        return np.concatenate(tree.ref(found), 1);
      };
      const inGraph = async () => {
        const { indices, ...others } = run(tree.ref({ variables, x }), { training: false });
        tree.dispose(others as never);
        return indices;
      };
      return blockUntilReady(await byPath(x, byScales, inGraph, byScales));
    },

    async update(variables, x, indices, { key } = {}) {
      const mode = { training: true, moves: true };
      checkKey(`${where}.update`, key, inner.drawing(mode));
      const call = tree.ref({ variables, x, indices, ...(key && { key }) });
      const { state, ...others } = run(call, { training: true, moveState: true });
      tree.dispose(others as never);
      return blockUntilReady(state as never) as Promise<HierarchicalState>;
    },

    ...(pass && {
      async pass(variables, x, { key } = {}) {
        checkKey(`${where}.pass`, key, inner.drawing({ training: true, moves: true }));
        return await pass(variables, x, key);
      },
    }),

    codes: (variables, indices) => inner.codes(vqOf(variables), indices.ref), // [B, P, D]

    decode(variables, indices, { size } = {}) {
      const last = options.scales.at(-1) as number;
      return decode(tree.ref({ variables, indices }), { size: size ?? [last, last] });
    },
  };
  return guarded(quantizer, {
    layout: "image",
    indices: { axes: [], positions: ([B]) => [B as number, P] },
    masks: false,
    scores: () => codebookSize,
    takes: { apply: ["temperature", "freezeCodebook"], decode: ["size"] },
  });
}
