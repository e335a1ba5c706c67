import { blockUntilReady, numpy as np, random, tree } from "@jax-js/jax";
import { expected, VectorQuantizeError } from "../errors.ts";
import { positionShape } from "../layout/layout.ts";
import { initLinear } from "../layout/linear.ts";
import { maskOfVectors, zeroMasked } from "../layout/mask.ts";
import { byPath } from "../paths.ts";
import { type ArrayTree, jitByMode, jittedAll, owns, type ParamTree } from "../tree.ts";
import { checkKey } from "./checkKey.ts";
import type {
  ApplyOptions,
  Compared,
  MaskOptions,
  Quantizer,
  QuantizerConfig,
  Variables,
} from "./contract.ts";
import { guarded, optionsTakenBy, scoresOf, unguarded } from "./guard.ts";
import { type SearchedCodebook, searchedPasses } from "./kernelPass.ts";
import type { ResidualEncoder } from "./lookupFree/residualEncoder.ts";
import { residualEncoders } from "./residual/encoders.ts";
import { initImplicit } from "./residual/implicit.ts";
import { hideRows, MOST_KERNEL_BEAM, updateLayers } from "./residual/kernel.ts";
import {
  type ResidualMode,
  type ResidualParams,
  type ResidualParts,
  type ResidualState,
  type ResidualVariables,
  residualLayers,
} from "./residual/layers.ts";

/** Options of a call to `apply` that residual quantizers have beside those of every quantizer. */
export interface ResidualApplyOptions extends ApplyOptions {
  /**
   * How many layers are used, from the first: a number, or a scalar array to decide it inside a
   * trace. It wins over dropout.
   */
  depth?: number | np.Array;
  /** Paths that the search keeps in this call, in place of the one in the options. */
  beamSize?: number;
}

/** A quantizer whose layers each quantize what the layers before left over. */
export interface ResidualQuantizer extends Quantizer<ResidualParams, ResidualState> {
  /** Index -1 means that a layer adds nothing. */
  readonly layersMayRest: true;
  apply(
    variables: ResidualVariables,
    x: np.Array,
    options?: ResidualApplyOptions,
  ): ReturnType<Quantizer<ResidualParams, ResidualState>["apply"]>;
  encode(
    variables: ResidualVariables,
    x: np.Array,
    options?: Pick<ResidualApplyOptions, "mask" | "lengths" | "beamSize"> & { depth?: number },
  ): Promise<np.Array>;
}

/** What of a call tells whether a layer draws at random. */
type Drawing = Pick<ResidualMode, "training" | "moves" | "temperature">;

/** What a family tells `residualOf` beside the parts of the loop. */
export interface ResidualFamily extends ResidualParts {
  /** Name in errors, and the configuration that rebuilds the quantizer. */
  readonly config: QuantizerConfig;
  readonly dim: number;
  /** Feature size of the layers; if it is not `dim`, the default, linear maps lead in and out. */
  readonly innerDim?: number;
  /** Paths that the search keeps in training and in evaluation, if the layers can search so. */
  readonly beam?: { readonly training: number; readonly evaluation: number };
  /** Whether the layers can score their similarities by `targets`. */
  readonly takesTargets?: boolean;
  /** Whether the state rests unless a call says otherwise. */
  readonly frozen?: boolean;
  /** What draws at random in such a call, and so needs a key, if anything. */
  readonly draws?: (mode: Drawing) => string | false | undefined;
  /** The codes of each layer, `[K, C]`, where the layers compare by Euclidean distance to just these. */
  readonly codebooks?: (variables: ResidualVariables) => np.Array[];
  /** Finds the indices on the kernels, of scalar layers. */
  readonly encoder?: ResidualEncoder;
  /** Whether a search and an update apart from `apply` come to the same. */
  readonly trainsApart?: boolean;
  /** The layers, if a training step comes to searches in their codebooks. */
  readonly searchedLayers?: readonly SearchedCodebook[];
  /** Sizes of the networks of implicit codebooks. */
  readonly implicitSizes?: Parameters<typeof initImplicit>[2];
}

/**
 * A residual quantizer from its layers: `q_i = layer_i(r_i)`, `r_(i+1) = r_i - q_i`, `r_1 = x`, and
 * the output is the sum of all `q_i`. Written once for every family; `residualVQ`, `residualFSQ` and
 * the like are recipes on it.
 *
 * Indices have an axis for the layers at their end, `[..., Q]`; `loss` is `[Q]`. An index of -1
 * means that a layer adds nothing; `decode` takes fewer columns than layers for a coarse output.
 */
export function residualOf(family: ResidualFamily): ResidualQuantizer {
  const { config, dim, innerDim = dim, shared, layout } = family;
  const layers = family.layers.map(unguarded);
  const beam = family.beam ?? { training: 1, evaluation: 1 };
  const where = config.type;
  const Q = layers.length;
  const graph = residualLayers({ ...family, layers });
  const kept = shared ? layers.slice(0, 1) : layers;
  const beamWeights = family.beamWeights ?? layers.map(() => 1);
  const compiled = {
    ...jittedAll({
      enter: graph.enter,
      projected: graph.projected,
      codes: graph.codes,
      decode: graph.decode,
      codebooks: (variables: ResidualVariables) => family.codebooks?.(variables) ?? [],
      maskOf: (masks: MaskOptions, x: np.Array) =>
        maskOfVectors(masks, positionShape(x.shape, layout)) as np.Array,

      /** Indices `[N, Q]` that a search outside the graph found, as those of `x`. */
      asIndices(found: np.Array, x: np.Array, masks: MaskOptions) {
        const positions = positionShape(x.shape, layout);
        return hideRows(found, maskOfVectors(masks, positions)).reshape([...positions, Q]);
      },

      /** Indices of `x` as one column per layer, `[N]`. */
      columns(indices: np.Array) {
        const columns = indices.shape.at(-1) as number;
        const flat = indices.reshape([-1, columns]);
        return Array.from({ length: columns }, (_, layer) => flat.ref.slice([], layer));
      },
    }),
    run: jitByMode(graph.run),
    step: jitByMode(graph.step),
    scaled: jitByMode(({ residual }: { residual: np.Array }, mode: { layer: number }) =>
      graph.scaled(residual, mode),
    ),
  };
  const searched = beam.training <= MOST_KERNEL_BEAM && family.searchedLayers;
  const maskOf = (masks: MaskOptions, x: np.Array) =>
    masks.mask || masks.lengths ? compiled.maskOf(tree.ref(masks), x.ref) : undefined;
  const borrowedAt = ({ params, state }: ResidualVariables, layer: number) =>
    ({ params: params.layers[layer], state: state.layers[layer] }) as never;
  const variablesAt = (variables: ResidualVariables, layer: number): Variables =>
    tree.ref(borrowedAt(variables, layer));

  const direct = layout === "channelLast" && innerDim === dim;
  const passes =
    searched &&
    searchedPasses<ResidualParams, ResidualState>({
      layout,
      direct: direct && !family.enter,
      layers: searched,
      metric: "euclidean",
      beam: beam.training,
      beamWeights,
      lossShape: [Q],
      shapeOfIndices: (positions) => [...positions, Q],
      codebooks: compiled.codebooks,
      enter: graph.enter,
      leave: graph.leave,
      variablesAt: borrowedAt,
      checkKey(key) {
        const call = { training: true, moves: !family.frozen };
        checkKey(`${where}.pass`, key, family.draws?.(call));
      },
      // As `apply` deals them: one for each layer, three for what comes around the layers.
      keysOf: (key) => [...random.split(key, Q + 3)],
      stateOf: (layers) => ({ layers }),
    });

  const checkBeam = (at: string, beamSize: number) => {
    if (beamSize > 1 && !family.beam) {
      throw expected(`${at}: beamSize`, `1, since layers of ${where} find one code`, beamSize);
    }
  };

  const checkDepth = (at: string, depth: number) => {
    if (depth > Q) throw expected(`${at}: depth`, `at most ${Q}, the number of layers`, depth);
  };

  const encoders = residualEncoders({
    layers,
    encoder: family.encoder,
    beamWeights,
    direct,
    projected: compiled.projected,
    enter: compiled.enter,
    codebooks: compiled.codebooks,
    variablesAt,
  });

  const quantizer: ResidualQuantizer = {
    config,
    dim,
    codebookSizes: layers.flatMap((layer) => layer.codebookSizes),
    trainsApart: family.trainsApart ?? false,
    layersMayRest: true,

    init(key) {
      const keys = [...random.split(key.ref, Q + 3)];
      using _ = owns(keys);
      const inner = kept.map((layer, at) => layer.init((keys[at] as np.Array).ref));
      const [inKey, outKey, implicitKey] = keys.slice(Q) as [np.Array, np.Array, np.Array];
      const sizes = family.implicitSizes;
      const params: ResidualParams = {
        layers: inner.map((own) => own.params as ParamTree),
        ...(innerDim !== dim && {
          projectIn: initLinear(inKey.ref, dim, innerDim),
          projectOut: initLinear(outKey.ref, innerDim, dim),
        }),
        ...(sizes &&
          Q > 1 && {
            implicit: [...random.split(implicitKey.ref, Q - 1)].map((own) =>
              initImplicit(own, innerDim, sizes),
            ),
          }),
      };
      return { params, state: { layers: inner.map((own) => own.state) } };
    },

    async fit(variables, x, { key, iterations, warn, ...masks } = {}) {
      const mask = maskOf(masks, x);
      const keys = [...random.split(key?.ref ?? random.key(0), Q)];
      const fitted = { params: [] as ParamTree[], state: [] as ArrayTree[] };
      const entering = compiled.enter(tree.ref(variables.params), x.ref);
      const left = { residual: entering, sum: np.zerosLike(entering.ref) };
      using _ = owns(keys, fitted, left, mask);
      const found = () => ({
        params: { ...variables.params, layers: fitted.params },
        state: { layers: fitted.state },
      });
      for (const [layer, quantizer] of kept.entries()) {
        const entered = compiled.scaled({ residual: left.residual.ref }, { layer });
        const { params, state } = await quantizer.fit(variablesAt(variables, layer), entered, {
          key: (keys[layer] as np.Array).ref,
          ...(iterations !== undefined && { iterations }),
          ...(warn && { warn }),
          ...(mask && { mask: mask.ref }),
        });
        fitted.params.push(params as ParamTree);
        fitted.state.push(state);
        const next = compiled.step(tree.ref({ variables: found(), ...left }), { layer });
        tree.dispose([left.residual, left.sum]);
        Object.assign(left, next);
        await blockUntilReady(left.residual);
      }
      return tree.ref(found());
    },

    apply(variables, x, options = {}) {
      const { training = false, freezeCodebook, temperature, depth, beamSize, ...rest } = options;
      const { moveState = rest.indices === undefined, ...arrays } = rest;
      const traced = typeof depth === "object" ? { depth } : {};
      const at = `${where}.apply`;
      if (typeof depth === "number") checkDepth(at, depth);
      if (beamSize !== undefined) checkBeam(at, beamSize);
      if (arrays.targets && !family.takesTargets) {
        throw new VectorQuantizeError(
          `${at}: expected no targets, got some; layers of ${where} have no similarities to score`,
        );
      }
      const columns = arrays.indices?.shape.at(-1) ?? Q;
      const scores = arrays.targets !== undefined;
      const finds = depth === undefined && !arrays.indices && !scores;
      const drops = training && family.dropout !== undefined && finds;
      checkKey(at, arrays.key, drops && "quantizeDropout");
      const mode: ResidualMode = {
        training,
        moves: training && moveState && !(freezeCodebook ?? family.frozen) && !scores,
        ...(freezeCodebook !== undefined && { freezeCodebook }),
        ...(temperature !== undefined && { temperature }),
        layers: Math.min(typeof depth === "number" ? depth : Q, columns),
        drops,
        beam: beamSize ?? (training ? beam.training : beam.evaluation),
      };
      checkKey(at, arrays.key, family.draws?.(mode));
      return compiled.run(tree.ref({ variables, x, ...arrays, ...traced }), mode);
    },

    async encode(variables, x, { depth = Q, beamSize = beam.evaluation, ...masks } = {}) {
      checkDepth(`${where}.encode`, depth);
      checkBeam(`${where}.encode`, beamSize);
      const apart = !(shared || family.implicit || family.scales) && beamSize === 1;
      const search = family.codebooks ? "codes" : apart && "layers";
      const outside = (name: keyof typeof encoders | false) =>
        name &&
        (async () => {
          const found = await encoders[name](variables, x, depth, beamSize);
          return compiled.asIndices(found, x.ref, tree.ref(masks));
        });
      const kernels = family.encoder ? "levels" : beamSize <= MOST_KERNEL_BEAM && search;
      const inGraph = async () => {
        const mode = { training: false, moves: false, layers: depth, drops: false, beam: beamSize };
        const { indices, ...others } = compiled.run(tree.ref({ variables, x, ...masks }), mode);
        tree.dispose(others as never);
        return indices;
      };
      const shaders = search === "codes" ? "codesOnDevice" : search;
      const onDevice = !family.encoder && beamSize <= MOST_KERNEL_BEAM && shaders;
      return blockUntilReady(await byPath(x, outside(kernels), inGraph, outside(onDevice)));
    },

    async update(variables, x, indices, { key, ...masks } = {}) {
      const columns = indices.shape.at(-1) as number;
      const mode = { training: true, moves: true, layers: columns, drops: false, beam: 1 };
      if (family.frozen) return tree.ref(variables.state);
      checkKey(`${where}.update`, key, family.draws?.(mode));
      const byLayers = async () => {
        const keys = key ? [...random.split(key.ref, Q + 3)] : [];
        tree.dispose(keys.slice(columns));
        const moved = await updateLayers(
          layers,
          (layer) => variablesAt(variables, layer),
          compiled.enter(tree.ref(variables.params), x.ref),
          compiled.columns(indices.ref),
          maskOf(masks, x),
          keys,
        );
        const rest = variables.state.layers.slice(columns);
        return { layers: [...moved, ...tree.ref(rest as never[])] };
      };
      const inGraph = async () => {
        const call = tree.ref({ variables, x, indices, ...masks, ...(key && { key }) });
        const { state, ...others } = compiled.run(call, mode);
        tree.dispose(others as never);
        return blockUntilReady(state as never) as Promise<ResidualState>;
      };
      const apart = !shared && !family.implicit && !family.scales;
      return byPath(x, apart && byLayers, inGraph, apart && byLayers);
    },

    ...passes,

    ...(family.codebooks && {
      comparison: async (variables: ResidualVariables, x: np.Array): Promise<Compared> =>
        blockUntilReady({
          vectors: compiled.enter(tree.ref(variables.params), x.ref),
          codebooks: compiled.codebooks(tree.ref(variables)),
        }),
    }),

    codes: (variables, indices) => compiled.codes(tree.ref(variables), indices.ref),

    decode(variables, indices, masks = {}) {
      const positions = indices.shape.slice(0, -1);
      const output = compiled.decode(tree.ref(variables), indices.ref);
      return zeroMasked(output, tree.ref(masks), positions, layout);
    },
  };
  const ofLayers = layersTake.filter((name) =>
    family.layers.some((layer) => optionsTakenBy(layer, "apply")?.includes(name) ?? true),
  );
  return guarded(quantizer, {
    layout,
    indices: { axes: [Q], layers: true },
    scores: ({ training, depth = Q }) =>
      family.layers.slice(0, depth).reduce((sum, layer) => sum + scoresOf(layer, { training }), 0),
    takes: {
      apply: ["targets", "depth", "beamSize", ...ofLayers],
      encode: ["depth", "beamSize"],
    },
  });
}

/** Options of a call that a residual quantizer hands to layers that have them. */
const layersTake = ["temperature", "freezeCodebook"];
