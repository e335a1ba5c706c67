import { blockUntilReady, numpy as np, random, tree } from "@jax-js/jax";
import { jitByMode, owns } from "../tree.ts";
import type { ApplyOptions, MaskOptions, Quantized, Quantizer, Variables } from "./contract.ts";
import { guarded, unguarded } from "./guard.ts";
import {
  initSmoothing,
  poolTo,
  type Smoothing,
  smooth,
  upsampleTo,
} from "./hierarchicalVQ/images.ts";
import {
  codebookOptions,
  convolutionCount,
  convolutionOf,
  type HierarchicalVQOptions,
  hierarchicalVQTable,
} from "./hierarchicalVQ/options.ts";
import { drawingsOf } from "./vectorQuantize/applyMode.ts";
import type { VectorQuantizeParams, VectorQuantizeState } from "./vectorQuantize/books.ts";
import { checkKey } from "./vectorQuantize/checks.ts";
import { vectorQuantizeTable } from "./vectorQuantize/options.ts";
import { vectorQuantize } from "./vectorQuantize.ts";

/** What gradients train: the convolutions, and the codebook where it is learned so. */
export type HierarchicalParams = { vq: VectorQuantizeParams; convolutions: Smoothing[] };
/** The codebook that all scales share. */
export type HierarchicalState = { vq: VectorQuantizeState };
type Given = Variables<HierarchicalParams, HierarchicalState>;

/** A `hierarchicalVQ` quantizer. */
export interface HierarchicalQuantizer extends Quantizer<HierarchicalParams, HierarchicalState> {
  /**
   * What `apply` puts out in evaluation for these `indices`.
   *
   * @param options `size`: height and width of the image. Default: the last scale, both ways
   */
  decode(
    variables: Given,
    indices: np.Array,
    options?: MaskOptions & { size?: readonly [number, number] },
  ): np.Array;
}

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
  const { dim, codebookSize, scales, residualRatio } = options;
  const inner = unguarded(vectorQuantize(codebookOptions(options)));
  const complete = vectorQuantizeTable.read(codebookOptions(options)).options;
  const starts = scales.map((_, at) => scales.slice(0, at).reduce((sum, s) => sum + s * s, 0));
  const P = scales.reduce((sum, s) => sum + s * s, 0);

  /** The indices of a scale, `[B, s s]`. */
  const partOf = (indices: np.Array, at: number) => {
    const start = starts[at] as number;
    return indices.ref.slice([], [start, start + (scales[at] as number) ** 2]);
  };

  /** A scale's codes `[B, s s, D]` as it adds them to the image `[B, H, W, D]`. */
  const spread = (
    { convolutions }: HierarchicalParams,
    codes: np.Array,
    at: number,
    size: readonly [number, number],
  ) => {
    const s = scales[at] as number;
    const map = codes.reshape([codes.shape[0] as number, s, s, dim]);
    const own = convolutions[
      convolutionOf(at, scales.length, convolutionCount(options))
    ] as Smoothing;
    return smooth(upsampleTo(map, size), tree.ref(own), residualRatio);
  };

  const graph = ({ variables, x, key, indices }: Call, mode: Mode) => {
    const { params } = variables;
    const keys = key ? [...random.split(key, scales.length)] : [];
    let residual = np.moveaxis(x, 1, -1); // [B, H, W, D]
    const [B, H, W] = residual.shape as [number, number, number];
    let sum = np.zerosLike(residual.ref);
    let state = variables.state.vq;
    const seen: np.Array[] = [];
    const outs = scales.map((scale, at) => {
      const own = keys[at];
      const pooled = poolTo(residual.ref, scale).reshape([B, scale * scale, dim]);
      seen.push(pooled.ref);
      const out = inner.apply({ params: tree.ref(params.vq), state }, pooled, {
        ...mode,
        ...(own && { key: own }),
        ...(indices && { indices: partOf(indices, at) }),
      });
      state = out.state;
      const added = spread(params, out.quantized, at, [H, W]);
      residual = residual.sub(added.ref);
      sum = sum.add(added);
      return out;
    });
    const mean = (values: np.Array[]) => values.reduce((a, b) => a.add(b)).div(values.length);
    const names = Object.keys(outs[0]?.losses ?? {});
    return {
      out: {
        quantized: np.moveaxis(sum, -1, 1),
        indices: np.concatenate(
          outs.map((out) => out.indices),
          1,
        ), // [B, P]
        loss: mean(outs.map(({ loss }) => loss)),
        losses: Object.fromEntries(
          names.map((name) => [name, mean(outs.map(({ losses }) => losses[name] as np.Array))]),
        ),
        state: { vq: state },
      } satisfies Quantized<HierarchicalState>,
      seen: np.concatenate(seen, 1), // [B, P, D]
    };
  };
  const run = jitByMode((call: Call, mode: Mode) => graph(call, mode).out);
  const look = jitByMode((call: Call, mode: Mode) => graph(call, mode).seen);
  const decode = jitByMode(
    (
      { variables, indices }: { variables: Given; indices: np.Array },
      { size }: { size: readonly [number, number] },
    ) => {
      const sum = scales
        .map((_, at) => {
          const codes = inner.decode(vqOf(variables), partOf(indices, at));
          return spread(variables.params, codes, at, size);
        })
        .reduce((a, b) => a.add(b)); // [B, H, W, D]
      return np.moveaxis(sum, -1, 1);
    },
  );
  const vqOf = ({ params, state }: Given) => tree.ref({ params: params.vq, state: state.vq });

  const checkKeyed = (name: string, key: unknown, mode: Mode, moves: boolean) => {
    const { training = false, temperature = complete.sampleCodebookTemp } = mode;
    const sampled = training && complete.stochasticSampleCodes && temperature > 0;
    const rest = { emaUpdate: true, accumulate: false, frozen: !moves, topk: 0 };
    const [drawing] = drawingsOf(complete, { training, moves, sampled, ...rest });
    checkKey(`${where}.${name}`, key, drawing);
  };

  const quantizer: HierarchicalQuantizer = {
    config,
    dim,
    codebookSizes: [codebookSize],

    init(key) {
      const keys = [...random.split(key, 1 + convolutionCount(options))] as [
        np.Array,
        ...np.Array[],
      ];
      const [vqKey, ...own] = keys;
      const { params, state } = inner.init(vqKey);
      return {
        params: { vq: params, convolutions: own.map((each) => initSmoothing(each, dim)) },
        state: { vq: state },
      };
    },

    async fit(variables, x, fitOptions = {}) {
      const { key = random.key(0), ...rest } = fitOptions;
      using _ = owns(variables, x, key);
      const image = np.moveaxis(x.ref, 1, -1);
      const [B] = image.shape as [number];
      const pooled = scales.map((s) => poolTo(image.ref, s).reshape([B, s * s, dim]));
      image.dispose();
      const first = await inner.fit(vqOf(variables), np.concatenate(pooled, 1), {
        ...rest,
        key: key.ref,
      });
      const { convolutions } = variables.params;
      const once = {
        params: { vq: first.params, convolutions: tree.ref(convolutions) },
        state: { vq: first.state },
      };
      const seen = look({ variables: tree.ref(once), x: x.ref }, {});
      using _once = owns(once);
      const fitted = await inner.fit(vqOf(once), seen, { ...rest, key: key.ref });
      return {
        params: { vq: fitted.params, convolutions: tree.ref(convolutions) },
        state: { vq: fitted.state },
      };
    },

    apply(variables, x, callOptions = {}) {
      const { training = false, key, indices, ...call } = callOptions;
      const moveState = call.moveState ?? indices === undefined;
      using _ = owns(variables, x, key, indices);
      const { freezeCodebook, temperature } = call;
      const mode: Mode = {
        training,
        moveState,
        ...(freezeCodebook !== undefined && { freezeCodebook }),
        ...(temperature !== undefined && { temperature }),
      };
      checkKeyed("apply", key, mode, training && moveState && !freezeCodebook);
      const arrays = { ...(key && { key }), ...(indices && { indices }) };
      return run(tree.ref({ variables, x, ...arrays }), mode);
    },

    async encode(variables, x) {
      using _ = owns(variables, x);
      const { indices, ...others } = run(tree.ref({ variables, x }), { training: false });
      tree.dispose(others as never);
      return blockUntilReady(indices);
    },

    async update(variables, x, indices, { key } = {}) {
      using _ = owns(variables, x, indices, key);
      const mode: Mode = { training: true, moveState: true };
      checkKeyed("update", key, mode, true);
      const call = tree.ref({ variables, x, indices, ...(key && { key }) });
      const { state, ...others } = run(call, mode);
      tree.dispose(others as never);
      await blockUntilReady(state as never);
      return state;
    },

    codes(variables, indices) {
      using _ = owns(variables, indices);
      return inner.codes(vqOf(variables), indices.ref); // [B, P, D]
    },

    decode(variables, indices, { size } = {}) {
      using _ = owns(variables, indices);
      const last = scales.at(-1) as number;
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
