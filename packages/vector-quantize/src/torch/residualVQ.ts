import type { numpy as np } from "@jax-js/jax";
import { expected } from "../errors.ts";
import type { Quantizer } from "../quantizers/contract.ts";
import type { ImplicitParams } from "../quantizers/residual/implicit.ts";
import type { ResidualParams, ResidualVariables } from "../quantizers/residual/layers.ts";
import { residualLayerOptions, residualVQTable } from "../quantizers/residualVQ/options.ts";
import { type ResidualVQOptions, residualVQ } from "../quantizers/residualVQ.ts";
import type {
  VectorQuantizeParams,
  VectorQuantizeVariables,
} from "../quantizers/vectorQuantize/books.ts";
import {
  type VectorQuantizeOptions,
  vectorQuantizeTable,
} from "../quantizers/vectorQuantize/options.ts";
import {
  type Completed,
  completeKwargs,
  dropoutNames,
  flagKwarg,
  maybeNumber,
  numberKwarg,
  own,
  required,
  sharedOptions,
  withoutDefaults,
} from "./kwargs.ts";
import { below, joined, under } from "./prefixes.ts";
import { checkTensors, linearOf, linearShapes, linearTensors, type Shapes } from "./tensors.ts";
import type { Translation } from "./translation.ts";
import { kwargsOf, optionsOf } from "./vectorQuantize/kwargs.ts";
import {
  absentAtFirst,
  paramTensors,
  shapesOf,
  tensorsOf,
  variablesOf,
} from "./vectorQuantize/tensors.ts";

type Tensors = Record<string, np.Array>;

/** The constructor options of `ResidualVQ` that are its own. */
const same = sharedOptions(residualVQTable, [
  ...dropoutNames,
  "numQuantizers",
  "codebookDim",
  "sharedCodebook",
  "implicitNeuralCodebook",
  "evalBeamSize",
  "beamScoreQuantizerWeights",
  "quantGradFrac",
]);
const table = {
  ...same.kwargs,
  implicit_neural_codebook: flagKwarg(false),
  dim: required,
  codebook_size: own,
  codebook_dim: maybeNumber,
  diveq: flagKwarg(false),
  heads: numberKwarg(1),
  accept_image_fmap: flagKwarg(false),
  mlp_kwargs: own,
  beam_size: maybeNumber,
};

type Kwargs = Completed<typeof table>;
const from = "fromTorch ResidualVQ";
const to = "toTorch residualVQ";
const mlpTable = { dim_hidden: maybeNumber, depth: numberKwarg(4) };

/** The reference's constructor options as ours. */
export function residualOptionsOf(given: Record<string, unknown>): ResidualVQOptions {
  const mine = Object.fromEntries(Object.entries(given).filter(([name]) => name in table));
  const kwargs: Kwargs = completeKwargs(from, mine, table);
  const rest = Object.fromEntries(Object.entries(given).filter(([name]) => !(name in table)));
  if (kwargs.heads !== 1) throw expected(`${from}: heads`, "1", kwargs.heads);
  const { dim, codebook_size: size } = kwargs;
  const C = kwargs.codebook_dim ?? dim;
  const sizes = Array.isArray(size) ? (size as number[]) : undefined;
  const layer = optionsOf({
    ...rest,
    dim: C,
    codebook_size: sizes?.[0] ?? size,
    accept_image_fmap: kwargs.accept_image_fmap,
  });
  const { dim: _dim, codebookSize: _size, ...layerOptions } = layer;
  const mlp = completeKwargs(
    `${from}: mlp_kwargs`,
    (kwargs.mlp_kwargs ?? {}) as object as never,
    mlpTable,
  );
  return {
    ...layerOptions,
    ...same.ours(kwargs),
    dim,
    codebookSize: sizes ?? (size as number),
    ...(kwargs.diveq && { gradient: "directional" as const }),
    ...(kwargs.implicit_neural_codebook && {
      ...(mlp.depth !== 4 && { implicitDepth: mlp.depth }),
      ...(mlp.dim_hidden !== null && { implicitHidden: mlp.dim_hidden }),
    }),
    ...(kwargs.beam_size !== null && { beamSize: kwargs.beam_size }),
  };
}

/** Our options as the reference's: those that are not its default. */
export function residualKwargsOf(given: ResidualVQOptions): Record<string, unknown> {
  const [layer] = residualLayerOptions(given) as [VectorQuantizeOptions];
  const directional = given.gradient === "directional";
  // What the reference sets by itself in the layers, under options that ours have too.
  const { learnableCodebook: _learns, emaUpdate: _follows, ...plain } = layer;
  const forced = directional || given.implicitNeuralCodebook;
  const { commitmentWeight: _weight, gradient: _gradient, ...undirected } = plain;
  const {
    dim: _dim,
    codebook_size: _size,
    ...rest
  } = kwargsOf(forced ? (directional ? undirected : plain) : layer);
  const { layout = "channelLast", maskedOutput } = given;
  if (layout === "video")
    throw expected(`${to}: layout`, "no video, which ResidualVQ has not", layout);
  if (given.evalBeamSize !== undefined && given.beamSize === undefined) {
    throw expected(`${to}: beamSize`, "a number, since evalBeamSize is given", given.beamSize);
  }
  const kwargs = {
    ...same.theirs(given),
    dim: given.dim,
    codebook_size: given.codebookSize,
    codebook_dim: given.codebookDim ?? null,
    diveq: directional,
    heads: 1,
    accept_image_fmap: layout === "image",
    mlp_kwargs: mlpOf(given),
    beam_size: given.beamSize ?? null,
  };
  return {
    ...rest,
    ...withoutDefaults(kwargs, table),
    ...(layout === "channelFirst" && { channel_last: false }),
    ...(maskedOutput === "input" && { return_zeros_for_masked_padding: false }),
  };
}

function mlpOf({ implicitDepth, implicitHidden }: ResidualVQOptions): unknown {
  if (implicitDepth === undefined && implicitHidden === undefined) return null;
  return {
    ...(implicitDepth !== undefined && { depth: implicitDepth }),
    ...(implicitHidden !== undefined && { dim_hidden: implicitHidden }),
  };
}

/** What of the state belongs to which layer: all of them show a shared codebook. */
const placeOf = (given: ResidualVQOptions, layer: number) => (given.sharedCodebook ? 0 : layer);

const completeLayers = (given: ResidualVQOptions) =>
  residualLayerOptions(given).map(vectorQuantizeTable.withDefaults);

const codeSize = ({ dim, codebookDim = dim }: ResidualVQOptions) => codebookDim;

/** The tensors of a `state_dict`. */
export function residualShapes(given: ResidualVQOptions): Shapes {
  const C = codeSize(given);
  const { dim, implicitDepth: depth = 4, implicitHidden: hidden = C } = given;
  const layers = completeLayers(given);
  const networks = given.implicitNeuralCodebook ? layers.length - 1 : 0;
  return joined([
    ...(C === dim ? [] : [linearShapes("project_in", dim, C), linearShapes("project_out", C, dim)]),
    ...layers.map((options, at) => under(`layers.${at}.`, shapesOf(options))),
    ...Array.from({ length: networks }, (_, at) =>
      under(
        `mlps.${at}.`,
        joined([
          linearShapes("proj_in", 2 * C, C),
          ...Array.from({ length: depth }, (_, block) =>
            joined([
              linearShapes(`layers.${block}.0`, C, hidden),
              linearShapes(`layers.${block}.2`, hidden, C),
            ]),
          ),
        ]),
      ),
    ),
  ]);
}

/** Names that a module has from its first call on. */
export const residualAbsent = (given: ResidualVQOptions) =>
  completeLayers(given).flatMap((_, at) => absentAtFirst.map((name) => `layers.${at}.${name}`));

/** Our arrays from a `state_dict`, which is checked before and keeps its references. */
export function residualVariables(given: ResidualVQOptions, tensors: Tensors): ResidualVariables {
  const layers = completeLayers(given);
  const kept = given.sharedCodebook ? layers.slice(0, 1) : layers;
  const made = kept.map((options, at) => variablesOf(options, below(tensors, `layers.${at}.`)));
  const { implicitDepth: depth = 4 } = given;
  const networks = given.implicitNeuralCodebook ? layers.slice(1) : [];
  const implicit = networks.map((_, at): ImplicitParams => {
    const own = below(tensors, `mlps.${at}.`);
    return {
      projectIn: linearOf(own, "proj_in"),
      blocks: Array.from({ length: depth }, (_, block) => ({
        up: linearOf(own, `layers.${block}.0`),
        down: linearOf(own, `layers.${block}.2`),
      })),
    };
  });
  return {
    params: {
      layers: made.map(({ params }) => params),
      ...(codeSize(given) !== given.dim && {
        projectIn: linearOf(tensors, "project_in"),
        projectOut: linearOf(tensors, "project_out"),
      }),
      ...(implicit.length > 0 && { implicit }),
    },
    state: { layers: made.map(({ state }) => state as never) },
  };
}

/** Parameters, or their gradients, as a `state_dict` names them; keeps no reference to them. */
export function residualParamTensors(given: ResidualVQOptions, params: ResidualParams): Tensors {
  return joined([
    outerTensors(params),
    ...completeLayers(given).map((options, at) =>
      under(
        `layers.${at}.`,
        paramTensors(options, params.layers[placeOf(given, at)] as VectorQuantizeParams),
      ),
    ),
  ]);
}

/** The maps around the layers and the networks of implicit codebooks. */
function outerTensors({ projectIn, projectOut, implicit }: ResidualParams): Tensors {
  return joined([
    linearTensors("project_in", projectIn),
    linearTensors("project_out", projectOut),
    ...(implicit ?? []).map((own, at) =>
      under(
        `mlps.${at}.`,
        joined([
          linearTensors("proj_in", own.projectIn),
          ...own.blocks.map(({ up, down }, block) =>
            joined([
              linearTensors(`layers.${block}.0`, up),
              linearTensors(`layers.${block}.2`, down),
            ]),
          ),
        ]),
      ),
    ),
  ]);
}

/** The inverse of `residualVariables`; keeps no reference to the variables. */
export function residualTensors(
  given: ResidualVQOptions,
  { params, state }: ResidualVariables,
): Tensors {
  return joined([
    outerTensors(params),
    ...completeLayers(given).map((options, layer) => {
      const at = placeOf(given, layer);
      const own = { params: params.layers[at], state: state.layers[at] };
      return under(`layers.${layer}.`, tensorsOf(options, own as VectorQuantizeVariables));
    }),
  ]);
}

/** `ResidualVQ` and `residualVQ`. */
export const residualVQTranslation: Translation = {
  className: "ResidualVQ",
  type: "residualVQ",

  fromTorch(kwargs, tensors) {
    const given = residualOptionsOf(kwargs);
    const quantizer = residualVQ(given) as unknown as Quantizer;
    checkTensors(from, tensors, residualShapes(given), residualAbsent(given));
    return { quantizer, variables: residualVariables(given, tensors) };
  },

  toTorch(config, variables) {
    const given = config as unknown as ResidualVQOptions;
    return {
      kwargs: residualKwargsOf(given),
      tensors: residualTensors(given, variables as unknown as ResidualVariables),
    };
  },
};
