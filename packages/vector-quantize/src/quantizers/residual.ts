import { blockUntilReady, numpy as np, random, tree } from "@jax-js/jax";
import { expected, VectorQuantizeError } from "../errors.ts";
import { positionShape } from "../layout/layout.ts";
import { maskOfVectors, zeroMasked } from "../layout/mask.ts";
import { initProjection } from "../layout/projection.ts";
import { floats, onKernels } from "../search/kernel.ts";
import { type ArrayTree, jitByMode, jitted, owns } from "../tree.ts";
import type {
  ApplyOptions,
  MaskOptions,
  Quantizer,
  QuantizerConfig,
  Variables,
} from "./contract.ts";
import { guarded, optionsTakenBy, scoresOf, unguarded } from "./guard.ts";
import type { ResidualEncoder } from "./lookupFree/residualEncoder.ts";
import { type ImplicitParams, initImplicit } from "./residual/implicit.ts";
import { hideRows, MOST_KERNEL_BEAM, residualOnKernels, updateLayers } from "./residual/kernel.ts";
import {
  type ResidualMode,
  type ResidualParams,
  type ResidualParts,
  type ResidualState,
  type ResidualVariables,
  residualLayers,
} from "./residual/layers.ts";
import { residualPass } from "./residual/pass.ts";
import type { PlainCodebook } from "./vectorQuantize/contract.ts";

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

/** What a family tells `residualOf` beside the parts of the loop. */
export interface ResidualFamily extends ResidualParts {
  /** Name in errors, and the configuration that rebuilds the quantizer. */
  readonly config: QuantizerConfig;
  readonly dim: number;
  /** Feature size of the layers; if it is not `dim`, linear maps lead in and out. */
  readonly innerDim: number;
  /** Paths that the search keeps in training and in evaluation, if the layers can search so. */
  readonly beam?: { readonly training: number; readonly evaluation: number };
  /** Whether the layers can score their similarities by `targets`. */
  readonly takesTargets?: boolean;
  /** Whether the state rests unless a call says otherwise. */
  readonly frozen?: boolean;
  /** Throws at a call without a key in which a layer draws at random. */
  readonly checkKey?: (where: string, key: unknown, mode: ResidualMode) => void;
  /** The codes of each layer, `[K, C]`, where the layers compare by Euclidean distance to just these. */
  readonly codebooks?: (variables: ResidualVariables) => np.Array[];
  /** Finds the indices on the kernels, of scalar layers. */
  readonly encoder?: ResidualEncoder;
  /** Whether a search and an update apart from `apply` come to the same. */
  readonly trainsApart?: boolean;
  /** The layers, if a training step comes to plain searches in their codebooks. */
  readonly plainLayers?: readonly PlainCodebook[];
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
  const { config, dim, innerDim, shared, layout } = family;
  const layers = family.layers.map(unguarded);
  const beam = family.beam ?? { training: 1, evaluation: 1 };
  const where = config.type;
  const Q = layers.length;
  const graph = residualLayers({ ...family, layers });
  const run = jitByMode(graph.run);
  const enter = jitted((params: ResidualParams, x: np.Array) => graph.enter(params, x));
  const projected = jitted(graph.projected);
  const codes = jitted(graph.codes);
  const decode = jitted(graph.decode);
  const step = jitByMode(graph.step);
  const scaled = jitByMode((call: { residual: np.Array }, mode: { layer: number }) =>
    graph.scaled(call.residual, mode),
  );
  const kept = shared ? layers.slice(0, 1) : layers;
  const beamWeights = family.beamWeights ?? layers.map(() => 1);
  const codebooks = jitted((variables: ResidualVariables) => family.codebooks?.(variables) ?? []);
  const passes =
    family.plainLayers &&
    beam.training <= MOST_KERNEL_BEAM &&
    residualPass(family, {
      layers: family.plainLayers,
      codebooks,
      beam: beam.training,
      beamWeights,
    });
  /** Indices `[N, Q]` that a search outside the graph found, as those of `x`. */
  const settle = jitted((call: { found: np.Array; x: np.Array; masks: MaskOptions }) => {
    const positions = positionShape(call.x.shape, layout);
    return hideRows(call.found, maskOfVectors(call.masks, positions)).reshape([...positions, Q]);
  });
  /** Indices of `x` as one column per layer, and the mask of its vectors. */
  const unfold = jitted((call: { x: np.Array; indices: np.Array; masks: MaskOptions }) => {
    const mask = maskOfVectors(call.masks, positionShape(call.x.shape, layout));
    const columns = call.indices.shape.at(-1) as number;
    const flat = call.indices.reshape([-1, columns]);
    const parts = Array.from({ length: columns }, (_, layer) => flat.ref.slice([], layer));
    return { columns: parts, ...(mask && { mask }) };
  });
  const variablesAt = ({ params, state }: ResidualVariables, layer: number): Variables => ({
    params: params.layers[layer] as ArrayTree,
    state: state.layers[layer] as ArrayTree,
  });

  const checkBeam = (at: string, beamSize: number) => {
    if (beamSize > 1 && !family.beam) {
      throw expected(`${at}: beamSize`, `1, since layers of ${where} find one code`, beamSize);
    }
  };

  const checkDepth = (at: string, depth: number) => {
    if (depth > Q) throw expected(`${at}: depth`, `at most ${Q}, the number of layers`, depth);
  };

  const quantizer: ResidualQuantizer = {
    config,
    dim,
    codebookSizes: layers.flatMap((layer) => layer.codebookSizes),
    trainsApart: family.trainsApart ?? false,
    layersMayRest: true,

    init(key) {
      const keys = [...random.split(key, Q + 3)];
      const inner = kept.map((layer, at) => layer.init((keys[at] as np.Array).ref));
      const [inKey, outKey, implicitKey] = keys.slice(Q) as [np.Array, np.Array, np.Array];
      const sizes = family.implicitSizes;
      const params: ResidualParams = {
        layers: inner.map((own) => own.params),
        ...(innerDim !== dim && {
          projectIn: initProjection(inKey.ref, dim, innerDim),
          projectOut: initProjection(outKey.ref, innerDim, dim),
        }),
        ...(sizes &&
          Q > 1 && {
            implicit: [...random.split(implicitKey.ref, Q - 1)].map(
              (own): ImplicitParams => initImplicit(own, innerDim, sizes),
            ),
          }),
      };
      tree.dispose(keys);
      return { params, state: { layers: inner.map((own) => own.state) } };
    },

    async fit(variables, x, { key = random.key(0), iterations, warn, ...masks } = {}) {
      using _ = owns(variables, x, masks, key);
      const positions = positionShape(x.shape, layout);
      const flatMask = jitted((given: typeof masks) => maskOfVectors(given, positions) as np.Array);
      const mask = masks.mask || masks.lengths ? flatMask(tree.ref(masks)) : undefined;
      const keys = [...random.split(key.ref, Q)];
      const state: ArrayTree[] = [];
      const params: ArrayTree[] = [];
      const entering = enter(tree.ref(variables.params), x.ref);
      const left = { residual: entering, sum: np.zerosLike(entering.ref) };
      using _held = owns(keys, state, params, left, mask);
      for (const [layer, quantizer] of kept.entries()) {
        const own = tree.ref({
          params: variables.params.layers[layer] as ArrayTree,
          state: variables.state.layers[layer] as ArrayTree,
        });
        const entered = scaled({ residual: left.residual.ref }, { layer });
        const fitted = await quantizer.fit(own, entered, {
          key: (keys[layer] as np.Array).ref,
          ...(iterations !== undefined && { iterations }),
          ...(warn && { warn }),
          ...(mask && { mask: mask.ref }),
        });
        params.push(fitted.params);
        state.push(fitted.state);
        const found = {
          params: { ...variables.params, layers: params },
          state: { layers: state },
        };
        const next = step(tree.ref({ variables: found, ...left }), { layer });
        tree.dispose([left.residual, left.sum]);
        Object.assign(left, next);
        await blockUntilReady(left.residual);
      }
      const { layers: _unfitted, ...rest } = variables.params;
      const layersOf = (trees: ArrayTree[]) => tree.ref(trees as never) as ArrayTree[];
      return {
        params: { ...tree.ref(rest), layers: layersOf(params) },
        state: { layers: layersOf(state) },
      };
    },

    apply(variables, x, options = {}) {
      const { training = false, freezeCodebook, temperature, depth, beamSize, ...rest } = options;
      const { moveState = rest.indices === undefined, ...arrays } = rest;
      const traced = typeof depth === "object" ? { depth } : {};
      using _ = owns(variables, x, arrays, traced);
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
      const drops =
        training &&
        family.dropout !== undefined &&
        depth === undefined &&
        !arrays.indices &&
        !scores;
      if (drops && !arrays.key) {
        throw new VectorQuantizeError(
          `${at}: expected options.key, got none; quantizeDropout draws at random`,
        );
      }
      const mode: ResidualMode = {
        training,
        moves: training && moveState && !(freezeCodebook ?? family.frozen) && !scores,
        ...(freezeCodebook !== undefined && { freezeCodebook }),
        ...(temperature !== undefined && { temperature }),
        layers: Math.min(typeof depth === "number" ? depth : Q, columns),
        drops,
        beam: beamSize ?? (training ? beam.training : beam.evaluation),
      };
      family.checkKey?.(at, arrays.key, mode);
      return run(tree.ref({ variables, x, ...arrays, ...traced }), mode);
    },

    async encode(variables, x, { depth = Q, beamSize = beam.evaluation, ...masks } = {}) {
      using _ = owns(variables, x, masks);
      checkDepth(`${where}.encode`, depth);
      checkBeam(`${where}.encode`, beamSize);
      if (family.encoder && onKernels(x)) {
        const direct = layout === "channelLast" && innerDim === dim;
        const vectors = direct ? x.ref : projected(tree.ref(variables.params), x.ref);
        const rows = (await family.encoder(
          await floats(vectors),
          depth,
        )) as Int32Array<ArrayBuffer>;
        const found = np.array(rows, { shape: [rows.length / Q, Q] });
        return blockUntilReady(settle({ found, x: x.ref, masks: tree.ref(masks) }));
      }
      if (family.codebooks && beamSize <= MOST_KERNEL_BEAM && onKernels(x)) {
        const books = codebooks(tree.ref(variables));
        tree.dispose(books.slice(depth));
        const vectors = enter(tree.ref(variables.params), x.ref);
        const used = books.slice(0, depth);
        const found = await residualOnKernels(vectors, used, Q, beamSize, beamWeights);
        return blockUntilReady(settle({ found, x: x.ref, masks: tree.ref(masks) }));
      }
      const call = tree.ref({ variables, x, ...masks });
      const mode = { training: false, moves: false, layers: depth, drops: false, beam: beamSize };
      const { indices, ...others } = run(call, mode);
      tree.dispose(others as never);
      return blockUntilReady(indices);
    },

    async update(variables, x, indices, { key, ...masks } = {}) {
      using _ = owns(variables, x, indices, masks, key);
      const columns = indices.shape.at(-1) as number;
      const mode = { training: true, moves: true, layers: columns, drops: false, beam: 1 };
      if (family.frozen) return tree.ref(variables.state);
      family.checkKey?.(`${where}.update`, key, mode);
      if (!shared && !family.implicit && !family.scales && onKernels(x)) {
        const entering = enter(tree.ref(variables.params), x.ref);
        const { columns: parts, mask } = unfold(tree.ref({ x, indices, masks }));
        const keys = key ? [...random.split(key.ref, Q + 3)] : [];
        tree.dispose(keys.slice(columns));
        const own = (layer: number) => tree.ref(variablesAt(variables, layer));
        const moved = await updateLayers(layers, own, entering, parts, mask, keys);
        const rest = variables.state.layers.slice(columns);
        return { layers: [...moved, ...tree.ref(rest as never[])] };
      }
      const call = tree.ref({ variables, x, indices, ...masks, ...(key && { key }) });
      const { state, ...others } = run(call, mode);
      tree.dispose(others as never);
      await blockUntilReady(state as never);
      return state;
    },

    ...(passes && {
      async pass(variables, x, { key } = {}) {
        using _ = owns(variables, x, key);
        const mode = { training: true, moves: !family.frozen, drops: false, layers: Q };
        family.checkKey?.(`${where}.pass`, key, { ...mode, beam: beam.training });
        return await passes(variables, x.ref, key);
      },
    }),

    codes,

    decode(variables, indices, masks = {}) {
      using _ = owns(variables, indices, masks);
      const positions = indices.shape.slice(0, -1);
      const output = decode(tree.ref(variables), indices.ref);
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
