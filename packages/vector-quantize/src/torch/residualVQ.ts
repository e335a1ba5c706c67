import type { ResidualQuantizer } from "../quantizers/residual.ts";
import { residualLayerOptions, residualVQTable } from "../quantizers/residualVQ/options.ts";
import { type ResidualVQOptions, residualVQ } from "../quantizers/residualVQ.ts";
import { vectorQuantizeTable } from "../quantizers/vectorQuantize/options.ts";
import { completeKwargs, flagKwarg, maybe, type NamedValues, numberKwarg } from "./kwargs.ts";
import { type Mapping, mapping, oneInAll, only, type Term } from "./mapping.ts";
import { type Field, linearFields, linearMaps } from "./module.ts";
import { translation } from "./translation.ts";
import { vectorMapping } from "./vectorQuantize/mapping.ts";
import { vectorModule } from "./vectorQuantize/module.ts";

const usualDepth = 4;
const mlpTable = { dim_hidden: maybe("number"), depth: numberKwarg(usualDepth) };

const network: Term = {
  options: ["implicitDepth", "implicitHidden"],
  kwargs: { mlp_kwargs: maybe("object") },
  ours({ mlp_kwargs: given, implicit_neural_codebook: implicit }, where) {
    const mlp = completeKwargs(`${where}: mlp_kwargs`, (given ?? {}) as NamedValues, mlpTable);
    if (!implicit) return undefined;
    return {
      ...(mlp.depth !== usualDepth && { implicitDepth: mlp.depth }),
      ...(mlp.dim_hidden !== null && { implicitHidden: mlp.dim_hidden }),
    };
  },
  theirs({ implicitDepth: depth, implicitHidden: hidden, codebookDim: C }) {
    if (depth === usualDepth && hidden === C) return undefined;
    return {
      mlp_kwargs: {
        ...(depth !== usualDepth && { depth }),
        ...(hidden !== C && { dim_hidden: hidden }),
      },
    };
  },
};

const direction: Term = {
  kwargs: { diveq: flagKwarg(false) },
  ours: ({ diveq }) => diveq === true && { gradient: "directional" },
  theirs: ({ gradient }) => ({ diveq: gradient === "directional" }),
};

const images: Term = {
  kwargs: { accept_image_fmap: flagKwarg(false) },
  theirs: ({ layout }) => ({ accept_image_fmap: layout === "image" }),
};

/** Options that layers have from their quantizer, under the same names. */
const outer = ["dim", "codebookSize", "codebookDim"];
const layerHas = (option: string) =>
  vectorQuantizeTable.declarations.has(option) && !outer.includes(option);

/** The constructor options of `ResidualVQ` that are its own. */
const own = mapping(
  {
    ...residualVQTable,
    declarations: new Map(
      [...residualVQTable.declarations].filter(([option]) => !layerHas(option)),
    ),
  },
  [only({ heads: numberKwarg(1) }, "1"), network, direction, images],
  { beam_size: maybe("number") },
);

const residualMapping: Mapping = {
  kwargs: { ...vectorMapping.kwargs, ...own.kwargs },
  options: [...residualVQTable.declarations.keys()],
  alone: [...vectorMapping.alone, ...own.alone],

  ours(where, given) {
    const split = (mine: boolean): NamedValues =>
      Object.fromEntries(Object.entries(given).filter(([name]) => name in own.kwargs === mine));
    const options = own.ours(where, split(true));
    const { dim, codebookDim = dim, codebookSize: size } = options;
    // A layer has no maps, so it has nothing to normalise behind one.
    const { layernormAfterProjectIn: _, ...layer } = vectorMapping.ours(
      "fromTorch VectorQuantize",
      {
        ...split(false),
        dim: codebookDim,
        codebook_size: Array.isArray(size) ? size[0] : size,
        accept_image_fmap: given.accept_image_fmap,
      },
    );
    return { ...layer, ...options };
  },

  theirs(where, config) {
    const given = config as unknown as ResidualVQOptions;
    return {
      ...layerKwargs(given),
      ...own.theirs(where, config),
      ...(given.layout === "channelFirst" && { channel_last: false }),
      // Theirs has paths in evaluation only where it has some in training: one is none.
      ...(given.evalBeamSize !== undefined && given.beamSize === undefined && { beam_size: 1 }),
      ...(given.layout === "video" && { accept_3d_fmap: true }),
      ...(given.maskedOutput === "input" && { return_zeros_for_masked_padding: false }),
    };
  },

  lost(config) {
    const given = config as unknown as ResidualVQOptions;
    const layers = residualLayerOptions(given);
    const [layer] = layers as unknown as [NamedValues];
    return [
      ...vectorMapping.lost(layer),
      ...own.lost(config),
      ...sharedObjects(given, layers.length),
    ];
  },
};

/** Objects with arrays of their own, of which every layer here has one and all layers there share one. */
function sharedObjects({ vqBridge, sharedCodebook }: ResidualVQOptions, layers: number): string[] {
  if (!vqBridge || sharedCodebook || layers < 2) return [];
  return [oneInAll("vqBridge", "layer._codebook.vq_bridge")];
}

/** Options of the layers, but for what the reference sets by itself under options that ours have too. */
function layerKwargs(given: ResidualVQOptions): NamedValues {
  const [layer] = residualLayerOptions(given);
  const directional = given.gradient === "directional";
  const forced = [
    ...(directional ? ["commitmentWeight", "gradient"] : []),
    ...(directional || given.implicitNeuralCodebook ? ["learnableCodebook", "emaUpdate"] : []),
  ];
  const free = Object.fromEntries(
    Object.entries(layer ?? {}).filter(([name]) => !forced.includes(name)),
  );
  const {
    dim: _dim,
    codebook_size: _size,
    ...kwargs
  } = vectorMapping.theirs("toTorch vectorQuantize", free);
  return kwargs;
}

/** The network of an implicit codebook. */
function networkFields(at: number, C: number, hidden: number, depth: number): Field[] {
  const place = ["params", "implicit", at];
  const blocks = Array.from({ length: depth }, (_, block) => [
    ...linearFields(`mlps.${at}.layers.${block}.0`, [...place, "blocks", block, "up"], C, hidden),
    ...linearFields(`mlps.${at}.layers.${block}.2`, [...place, "blocks", block, "down"], hidden, C),
  ]);
  return [
    ...linearFields(`mlps.${at}.proj_in`, [...place, "projectIn"], 2 * C, C),
    ...blocks.flat(),
  ];
}

/** `ResidualVQ` and `residualVQ`. */
export const residualVQTranslation = translation<ResidualVQOptions, ResidualQuantizer>({
  className: "ResidualVQ",
  type: "residualVQ",
  mapping: residualMapping,
  make: residualVQ,
  module(given) {
    const options = residualVQTable.withDefaults(given);
    const { dim, codebookDim: C, implicitHidden, implicitDepth, sharedCodebook } = options;
    const layers = residualLayerOptions(given).map(vectorQuantizeTable.withDefaults);
    const networks = layers
      .slice(options.implicitNeuralCodebook ? 1 : layers.length)
      .map((_, at) => networkFields(at, C, implicitHidden, implicitDepth));
    return {
      fields: [...linearMaps(dim, C), ...networks.flat()],
      parts: layers.map((layer, at) => ({
        prefix: `layers.${at}.`,
        place: ["layers", sharedCodebook ? 0 : at],
        module: vectorModule(layer),
      })),
    };
  },
});
