import { lax, numpy as np, random, tree } from "@jax-js/jax";
import { fromVectors, type Layout, positionShape, toVectors } from "../../layout/layout.ts";
import { applyLinear, type Projection } from "../../layout/linear.ts";
import { fillMasked, maskOfVectors } from "../../layout/mask.ts";
import { finiteRows, refuseRows, usableRows } from "../../search/usable.ts";
import { anyTrue, both, int32, present } from "../../tracing.ts";
import type { ArrayTree, ParamTree } from "../../tree.ts";
import type { MaskOptions, Quantized, Quantizer, Variables } from "../contract.ts";
import type { CodebookTransform } from "../vectorQuantize/apply.ts";
import { beamSearch } from "./beam.ts";
import { drawDepth, type QuantizeDropout } from "./dropout.ts";
import type { ImplicitParams } from "./implicit.ts";

/** What a residual quantizer trains. */
export type ResidualParams = {
  /** One entry per layer, or a single one if they share it. */
  layers: ParamTree[];
  projectIn?: Projection; // [dim, C]
  projectOut?: Projection; // [C, dim]
  /** Networks of implicit codebooks, for all layers but the first. */
  implicit?: ImplicitParams[];
};

/** One entry per layer, or a single one if they share it. */
export type ResidualState = { layers: ArrayTree[] };

export type ResidualVariables = Variables<ResidualParams, ResidualState>;

/** The arrays of one call. */
export type ResidualCall = MaskOptions & {
  variables: ResidualVariables;
  x: np.Array;
  key?: np.Array;
  indices?: np.Array; // [..., Q] or fewer columns
  targets?: np.Array; // [..., Q]
  depth?: np.Array; // []
};

/** The parts of a call that are not arrays. */
export interface ResidualMode {
  training: boolean;
  moves: boolean;
  freezeCodebook?: boolean;
  temperature?: number;
  /** Layers that are used, from the first. */
  layers: number;
  /** Whether the depth of this step is drawn. */
  drops: boolean;
  /** Paths that the search keeps; 1 for the nearest code of each layer. */
  beam: number;
}

/** What a family puts into the residual loop. */
export interface ResidualParts {
  /** All layers, on vectors `[N, C]`. */
  readonly layers: readonly Quantizer[];
  /** Whether they are one and the same, and share a codebook. */
  readonly shared?: boolean;
  readonly layout: Layout;
  /** Default "zeros". */
  readonly maskedOutput?: "zeros" | "input";
  /** What becomes of the input before the first layer. */
  readonly enter?: (vectors: np.Array) => np.Array;
  /** By what each layer's residual is divided and its codes multiplied, `[Q][C]`. */
  readonly scales?: readonly (readonly number[])[];
  /** Share of the gradient that later layers send to earlier ones. Default 0. */
  readonly gradientFraction?: number;
  readonly dropout?: QuantizeDropout;
  /** Weights of the layers in the score of a path. Default 1 each. */
  readonly beamWeights?: readonly number[];
  /** Codes of each vector's own for a layer after the first. */
  readonly implicit?: (params: ImplicitParams, quantized: np.Array) => CodebookTransform;
  /** A gradient around all layers, in training: from the input and the sum of the codes. */
  readonly around?: (vectors: np.Array, sum: np.Array, key: np.Array) => np.Array;
  /** The state of a shared layer after all layers have used it. */
  readonly finish?: (
    variables: Variables,
    residuals: np.Array, // [M, C]
    mask: np.Array, // [M]
    key: np.Array | undefined,
  ) => ArrayTree;
}

/** The traced loop over the layers of a residual quantizer. Its arguments are checked before. */
export function residualLayers(parts: ResidualParts) {
  const { layers, shared, layout } = parts;
  const Q = layers.length;
  const place = (layer: number) => (shared ? 0 : layer);
  const scaleOf = (layer: number) => {
    const scale = parts.scales?.[layer];
    return scale && np.array([...scale]);
  };
  /** A layer in a call: what it puts out, and its codes as they are taken off the residual. */
  const applied = (
    { params, state }: ResidualVariables,
    layer: number,
    residual: np.Array,
    sum: np.Array | undefined,
    options: object = {},
  ) => {
    const own = { params: params.layers[place(layer)], state: state.layers[place(layer)] };
    const scale = scaleOf(layer);
    const implicit = layer === 0 || !sum ? undefined : params.implicit?.[layer - 1];
    // The implicit codebook of a layer, after what the layers before quantized.
    const transform = implicit && parts.implicit?.(tree.ref(implicit), (sum as np.Array).ref);
    const out = (layers[layer] as Quantizer).apply(
      tree.ref(own) as Variables,
      scale ? residual.div(scale.ref) : residual,
      { ...options, ...(transform && ({ codebookTransform: transform } as object)) },
    );
    return { out, codes: scale ? out.quantized.mul(scale) : out.quantized };
  };
  const column = (indices: np.Array, layer: number) => indices.ref.slice([], layer); // [N]

  const projected = (params: ResidualParams, x: np.Array) =>
    applyLinear(toVectors(x, layout), tree.ref(params.projectIn)); // [N, C]

  const enter = (params: ResidualParams, x: np.Array) => {
    const vectors = projected(params, x);
    // A bound would make an infinity a number like any other.
    return parts.enter ? refuseRows(parts.enter(vectors.ref), finiteRows(vectors)) : vectors;
  };

  const leave = (params: ResidualParams, sum: np.Array, positions: number[]) =>
    fromVectors(applyLinear(sum, tree.ref(params.projectOut)), layout, positions);

  const run = (call: ResidualCall, mode: ResidualMode) => {
    const { variables, x, key, targets, indices, depth: givenDepth, ...masks } = call;
    const { params } = variables;
    const positions = positionShape(x.shape, layout);
    const mask = maskOfVectors(masks, positions); // [N]
    const vectors = enter(params, x.ref); // [N, C]
    const keys = key ? [...random.split(key, Q + 3)] : [];
    const [depthKey, aroundKey, finishKey] = keys.slice(Q);
    const drawn =
      mode.drops && parts.dropout && depthKey ? drawDepth(parts.dropout, Q, depthKey) : undefined;
    const depth = givenDepth ?? drawn; // []
    const states = [...variables.state.layers];
    const flat = (given: np.Array) => given.reshape([-1, given.shape.at(-1) as number]);
    const scored = targets && flat(targets);
    const searched =
      !indices && mode.beam > 1 && !scored
        ? searchPaths(variables, vectors.ref, mode, depth?.ref)
        : undefined;
    const paths = indices ? flat(indices.ref) : searched; // [N, Q]

    let residual = vectors.ref;
    let sum = np.zerosLike(vectors.ref);
    const found: np.Array[] = [];
    const losses: Record<string, np.Array>[] = [];
    const totals: np.Array[] = [];
    const inputs: np.Array[] = [];
    const counted: np.Array[] = [];
    for (let layer = 0; layer < mode.layers; layer++) {
      const given = paths ? column(paths, layer) : scored && column(scored, layer); // [N]
      const has = given && present(given.ref);
      const real = has && mask ? both(has, mask.ref) : (has ?? mask?.ref);
      // A layer that no vector reaches rests, as if it had been dropped.
      const reached = indices && anyTrue((real as np.Array).ref);
      const within = depth?.ref.greater(layer);
      const active = reached && within ? both(reached, within) : (reached ?? within); // []
      const own = keys[layer];
      inputs.push(residual.ref);
      if (real) counted.push(real.ref);
      const { out, codes } = applied(
        { params, state: { layers: states } },
        layer,
        residual.ref,
        sum,
        {
          training: mode.training,
          moveState: mode.moves,
          ...(mode.freezeCodebook !== undefined && { freezeCodebook: mode.freezeCodebook }),
          ...(mode.temperature !== undefined && { temperature: mode.temperature }),
          ...(own && { key: own }),
          ...(real && { mask: real }),
          ...(given && { indices: np.maximum(given, int32(0)) }),
          ...(scored && { targets: column(scored, layer) }),
        },
      ); // codes [N, C]
      const ifActive = (value: np.Array, rests: np.Array | number) =>
        active ? np.where(active.ref, value, rests) : value;
      const used = ifActive(codes, 0);
      found.push(ifActive(out.indices, int32(-1)));
      totals.push(ifActive(out.loss, 0));
      losses.push(
        tree.map((loss: np.Array) => ifActive(loss, 0), out.losses) as Record<string, np.Array>,
      );
      states[place(layer)] = active
        ? (tree.map(
            (moved: np.Array, rests: np.Array) => ifActive(moved, rests),
            out.state as never,
            states[place(layer)] as never,
          ) as ArrayTree)
        : out.state;
      residual = residual.sub(partly(used.ref, parts.gradientFraction ?? 0));
      sum = sum.add(used);
    }

    if (shared && mode.moves && parts.finish) {
      const all = inputs.map((_, layer) => {
        const here = counted[layer] ?? np.ones([vectors.shape[0] as number]).greater(0);
        return depth ? both(here, depth.ref.greater(layer)) : here;
      });
      states[0] = parts.finish(
        { params: tree.ref(params.layers[0] as ArrayTree), state: states[0] as ArrayTree },
        lax.stopGradient(np.concatenate(inputs, 0)),
        np.concatenate(all, 0),
        finishKey,
      );
    }
    const around = mode.training && parts.around;
    const seen = indices ? refuseRows(sum, seenOrUsable(vectors.ref, flat(indices))) : sum;
    const output = around ? around(vectors, seen, aroundKey as np.Array) : seen;
    const none = (values: np.Array[], rest: () => np.Array) =>
      np.stack([...values, ...Array.from({ length: Q - mode.layers }, rest)], -1);
    const padding = parts.maskedOutput === "input" ? x : np.zerosLike(x);
    return {
      quantized: fillMasked(leave(params, output, positions), padding, mask, layout),
      indices: none(found, () =>
        np.full([vectors.shape[0] as number], -1).astype(np.int32),
      ).reshape([...positions, Q]),
      loss: none(totals, () => np.zeros([])), // [Q]
      losses: Object.fromEntries(
        [...new Set(losses.flatMap(Object.keys))].map((name) => [
          name,
          none(
            losses.map((each) => each[name] ?? np.zeros([])), // layers may be of several kinds
            () => np.zeros([]),
          ),
        ]),
      ),
      state: { layers: states },
    } satisfies Quantized<ResidualState>;
  };

  /**
   * Indices of the best paths, `[N, Q]`; no gradient, no change of state. Those of a vector that is
   * not usable are any that its layers can refuse.
   */
  const searchPaths = (
    variables: ResidualVariables,
    x: np.Array,
    mode: ResidualMode,
    depth: np.Array | undefined,
  ) => {
    const usable = usableRows(x.ref).reshape([-1, 1]);
    return beamSearch(
      (layer, residual, k, sum) => {
        const { out, codes } = applied(variables, layer, residual, sum, { topk: k });
        return { indices: out.indices, quantized: lax.stopGradient(codes) };
      },
      np.where(usable, lax.stopGradient(x), 0),
      layers.slice(0, mode.layers).map((layer) => layer.codebookSizes[0] as number),
      mode.beam,
      parts.beamWeights ?? layers.map(() => 1),
      depth,
    );
  };

  /** The codes of a layer, `[N, C]`, after those of the layers before. */
  const codesAt = (
    variables: ResidualVariables,
    layer: number,
    indices: np.Array,
    sum: np.Array | undefined,
  ) => {
    if (sum && variables.params.implicit) {
      return applied(variables, layer, np.zerosLike(sum.ref), sum, { indices }).codes;
    }
    const { params, state } = variables;
    const own = { params: params.layers[place(layer)], state: state.layers[place(layer)] };
    const codes = (layers[layer] as Quantizer).decode(tree.ref(own) as Variables, indices);
    const scale = scaleOf(layer);
    return scale ? codes.mul(scale) : codes;
  };

  /** The codes of each layer, `[N, C]`; zeros where the index is -1. */
  const codesOf = (variables: ResidualVariables, indices: np.Array): np.Array[] => {
    const rows = indices.reshape([-1, indices.shape.at(-1) as number]); // [N, Q]
    const used = rows.shape[1] as number;
    let sum: np.Array | undefined;
    return Array.from({ length: used }, (_, layer) => {
      const index = column(rows, layer);
      const has = index.ref.notEqual(int32(-1)); // [N]
      const safe = np.where(has.ref, index, int32(0));
      const codes = np.where(has.reshape([-1, 1]), codesAt(variables, layer, safe, sum), 0); // [N, C]
      sum = sum ? sum.add(codes.ref) : codes.ref;
      return codes;
    });
  };

  /** What a layer leaves of the residual, and the sum with its codes; in evaluation. */
  const step = (
    call: { variables: ResidualVariables; residual: np.Array; sum: np.Array },
    { layer }: { layer: number },
  ) => {
    const { variables, residual, sum } = call;
    const { codes } = applied(variables, layer, residual.ref, sum);
    return { residual: residual.sub(codes.ref), sum: sum.add(codes) };
  };

  return {
    run,

    projected,

    enter,

    leave,

    step,

    /** A layer's residual as the layer itself sees it. */
    scaled(residual: np.Array, { layer }: { layer: number }): np.Array {
      const scale = scaleOf(layer);
      return scale ? residual.div(scale) : residual;
    },

    codes(variables: ResidualVariables, indices: np.Array): np.Array {
      const positions = indices.shape.slice(0, -1);
      return np.stack(
        codesOf(variables, indices).map((codes) => fromVectors(codes, layout, positions)),
        0,
      ); // [Q, ...]
    },

    decode(variables: ResidualVariables, indices: np.Array): np.Array {
      const positions = indices.shape.slice(0, -1);
      const sum = codesOf(variables, indices).reduce((a, b) => a.add(b));
      return leave(variables.params, sum, positions);
    },
  };
}

/** Which vectors `[N, C]` a layer has judged, or none would refuse: those of index -1 pass by all. */
function seenOrUsable(vectors: np.Array, indices: np.Array): np.Array {
  return np.bitwiseOr(present(np.max(indices, 1)), usableRows(vectors));
}

/** `x` with a share of its gradient. */
function partly(x: np.Array, share: number): np.Array {
  if (share === 0) return lax.stopGradient(x);
  if (share === 1) return x;
  return x.ref.mul(share).add(lax.stopGradient(x).mul(1 - share));
}
