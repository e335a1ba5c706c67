import { numpy as np } from "@jax-js/jax";
import { checkInteger, expected } from "../errors.ts";
import { absent, choice, count, declared, flag, integer, list } from "../options/kinds.ts";
import { type Complete, optionTable } from "../options/table.ts";
import { checkQuantizer } from "../quantizers/checkQuantizer.ts";
import type { Quantizer } from "../quantizers/contract.ts";
import { residualVQ } from "../quantizers/residualVQ.ts";
import { type ArrayTree, isRecord } from "../tree.ts";
import { tanh } from "./activations.ts";
import { conv1d } from "./conv1d.ts";
import { convTranspose1d } from "./convTranspose1d.ts";
import { elu } from "./elu.ts";
import { mostSide } from "./images.ts";
import type { Layer } from "./layer.ts";
import type { Model } from "./model.ts";
import { padEnd } from "./padEnd.ts";
import { permute } from "./permute.ts";
import { residual } from "./residual.ts";
import { sequential } from "./sequential.ts";
import { snake } from "./snake.ts";

/** Options of `audioAutoencoder`. */
export class AudioAutoencoderOptions {
  /**
   * How many steps each stage of the encoder makes one of, in its order; the decoder goes back in
   * reverse. Their product is the hop: the samples that a code stands for. Default [2, 4, 4, 5].
   */
  readonly strides?: readonly number[] = declared(
    list("a list of strides", (where, value) => checkInteger(where, value, 2, mostSide / 2), 16),
    [2, 4, 4, 5],
  );
  /** Channels at the rate of the samples; every stage of the encoder doubles them. Default 16. */
  readonly width?: number = integer(16);
  /**
   * Channels that the decoder begins with; every stage halves them. Default: those that the encoder
   * ends with.
   */
  readonly decoderWidth?: number = integer(absent);
  /** Length of the kernels of the residual units and of the first and last layers; odd. Default 7. */
  readonly kernelSize?: number = integer(7, 1, mostSide);
  /** Dilations of the residual units of a stage, one unit each. Default [1, 3, 9]. */
  readonly dilations?: readonly number[] = declared(
    list("a list of dilations", (where, value) => checkInteger(where, value, 1, mostSide)),
    [1, 3, 9],
  );
  /** What stands between the convolutions. Default "snake". */
  readonly activation?: "snake" | "elu" = choice(["snake", "elu"], "snake");
  /**
   * Whether no output depends on samples of a later hop, so that sound can be coded as it comes in.
   * Default true; false centres the kernels, as Descript's codec does.
   */
  readonly causal?: boolean = flag(true);
  /** Features of a code. Default 64. */
  readonly codeDim?: number = integer(64);
  /** Number of codes of each layer of the default quantizer. Default 1024. */
  readonly codebookSize?: number = integer(1024);
  /** Layers of the default quantizer. Default 8. */
  readonly numQuantizers?: number = count(8);
  /** Any quantizer of series of feature size `codeDim`, in place of the default. */
  readonly quantizer?: Quantizer = declared(checkQuantizer, absent);
}

type Options = Complete<AudioAutoencoderOptions, "quantizer" | "decoderWidth">;

const table = optionTable<AudioAutoencoderOptions, Options>(
  "audioAutoencoder",
  [AudioAutoencoderOptions],
  [
    ({ kernelSize }) => kernelSize % 2 === 0 && `an odd kernelSize, got ${kernelSize}`,
    ({ decoderWidth, strides }, where) => {
      const parts = 2 ** strides.length;
      if (decoderWidth === undefined || decoderWidth % parts === 0) return;
      throw expected(`${where}: decoderWidth`, `a multiple of ${parts}`, decoderWidth);
    },
    ({ quantizer, codeDim }, where) => {
      if (!quantizer || quantizer.dim === codeDim) return;
      throw expected(`${where}: quantizer.dim`, `codeDim (${codeDim})`, quantizer.dim);
    },
  ],
);

/**
 * A codec of sound: waveforms `[B, T, 1]` within [-1, 1], with a code, or one for each layer of the
 * quantizer, for every hop of samples. The shape of Descript's codec and, with `activation: "elu"`,
 * near that of SEANet:
 *
 * - encoder: `conv1d` to `width` channels; for each stride `s` a stage of residual units
 *   `x + conv1(a(conv(a(x))))`, one for each dilation, then `a` and a `conv1d` with kernel `2 s` and
 *   stride `s` to twice the channels; `a` and a `conv1d` with kernel 3 to `codeDim` features
 * - decoder: the same in reverse, with `convTranspose1d` up in front of a stage's units, and `tanh` last
 *
 * Any length fits: zeros behind make it a multiple of the hop (and of the coarsest scale of
 * `multiscaleVQ`), and what `apply` gives is cut to `T` again. `model.lengthMultiple` says of what.
 * What `decode` gives has whole hops: cut it to the length that you know.
 *
 * `init` begins with weights that keep the size of a sound; what `modelFromConfig` makes of the configuration
 * begins as its layers do.
 *
 * The default quantizer is a `residualVQ` with quantizer dropout, so that a prefix of its layers decodes
 * coarsely. `bits a second = rate / hop * numQuantizers * log2(codebookSize)`: at 8 kHz, the defaults make
 * 4,000. For scalars in place of codebooks give a `residualFSQ`, for SNAC's scales a `multiscaleVQ`.
 *
 * ```ts
 * import { audioAutoencoder } from "vector-quantize/nn";
 * import { numpy as np, random } from "@jax-js/jax";
 *
 * const model = audioAutoencoder({ numQuantizers: 4 });
 * const variables = model.init(random.key(0));
 * const codes = await model.encode(variables, np.zeros([1, 8000, 1])); // [1, 50, 4]
 * ```
 *
 * @throws VectorQuantizeError for an option out of range, or a quantizer of another feature size
 *
 * Source: Kumar et al., "High-Fidelity Audio Compression with Improved RVQGAN", 2023,
 * https://arxiv.org/abs/2306.06546; causal as in Zeghidour et al., "SoundStream", 2021,
 * https://arxiv.org/abs/2107.03312, and Défossez et al., "High Fidelity Neural Audio Compression", 2022,
 * https://arxiv.org/abs/2210.13438.
 */
export function audioAutoencoder(given: AudioAutoencoderOptions = {}): Model {
  const { options } = table.read(given);
  const { strides, width, codeDim } = options;
  const quantizer = options.quantizer ?? defaultQuantizer(options);
  const parts = partsOf(options);
  const widest = width * 2 ** strides.length;
  const decoderWidest = options.decoderWidth ?? widest;
  const featuresFirst = quantizer.config.layout === "channelFirst";
  const turned = featuresFirst ? [permute({ axes: [0, 2, 1] })] : [];
  const model = sequential([
    padEnd({ multiple: hopOf(strides) * coarsest(quantizer) }),
    parts.conv(1, width),
    ...strides.flatMap((stride, at) => parts.down(width * 2 ** at, stride)),
    parts.activation(widest),
    parts.conv(widest, codeDim, { kernelSize: 3 }),
    ...turned,
    quantizer,
    ...turned,
    parts.conv(quantizer.outputs ?? codeDim, decoderWidest),
    ...strides.toReversed().flatMap((stride, at) => parts.up(decoderWidest / 2 ** at, stride)),
    parts.activation(decoderWidest / 2 ** strides.length),
    parts.conv(decoderWidest / 2 ** strides.length, 1),
    tanh(),
  ]);
  return {
    ...model,
    init(key) {
      const { params, ...rest } = model.init(key);
      const [encoder, decoder] = [params.encoder, params.decoder].map((side) => side.map(begun));
      return { params: { ...params, encoder: encoder ?? [], decoder: decoder ?? [] }, ...rest };
    },
  };
}

/**
 * Parameters of a layer as sound wants them at first: layers keep the variance of what they get, residual
 * units add a part of it, and no bias hides it. As layers begin elsewhere, a sound would come out 360 times
 * quieter than it went in, beside a constant. Takes `params`.
 */
function begun(params: ArrayTree): ArrayTree {
  const inside = isRecord(params) && "layers" in params;
  const gain = inside ? 0.5 : Math.sqrt(3);
  const started = (own: ArrayTree): ArrayTree => {
    const { weight, bias, ...others } = own as Record<string, np.Array>;
    bias?.dispose();
    return {
      ...others,
      ...(weight && { weight: weight.mul(gain) }),
      ...(bias && { bias: np.zeros(bias.shape) }),
    };
  };
  return inside ? { layers: (params.layers as ArrayTree[]).map(started) } : started(params);
}

const hopOf = (strides: readonly number[]): number => strides.reduce((a, b) => a * b, 1);

/** Codes that the coarsest scale of a quantizer stands for. */
function coarsest({ config: { type, strides } }: Quantizer): number {
  const scales = type === "multiscaleVQ" ? (strides as readonly number[]) : [1];
  return scales.reduce((a, b) => (a * b) / divisor(a, b));
}

const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b));

/** Its codes stay in use: they follow within some twenty steps, and rare ones are replaced. */
function defaultQuantizer({ codeDim, codebookSize, numQuantizers }: Options): Quantizer {
  return residualVQ({
    dim: codeDim,
    ...{ codebookSize, numQuantizers },
    quantizeDropout: true,
    decay: 0.95,
    commitmentWeight: 0.25,
    thresholdEmaDeadCode: { share: 0.1 },
  });
}

/** What codecs with these options are made of. */
function partsOf({ causal, kernelSize, dilations, activation: name }: Options) {
  const activation = (channels: number): Layer => (name === "elu" ? elu() : snake({ channels }));
  const conv = (
    inChannels: number,
    outChannels: number,
    more: { kernelSize?: number; dilation?: number } = {},
  ) =>
    conv1d({
      ...{ inChannels, outChannels, kernelSize, padding: causal ? "causal" : "same" },
      ...more,
    });
  const units = (channels: number): Layer[] =>
    dilations.map((dilation) =>
      residual([
        activation(channels),
        conv(channels, channels, { dilation }),
        activation(channels),
        conv(channels, channels, { kernelSize: 1 }),
      ]),
    );
  return {
    activation,
    conv,
    /** A stage of the encoder. */
    down(channels: number, stride: number): Layer[] {
      const half = Math.ceil(stride / 2);
      return [
        ...units(channels),
        activation(channels),
        conv1d({
          ...{ inChannels: channels, outChannels: 2 * channels, kernelSize: 2 * stride, stride },
          // A causal output sees all of its own stride, and the one before.
          padding: causal ? [stride, 0] : half,
        }),
      ];
    },
    /** A stage of the decoder. */
    up(channels: number, stride: number): Layer[] {
      const cut = { padding: Math.ceil(stride / 2), outputPadding: stride % 2 };
      return [
        activation(channels),
        convTranspose1d({
          ...{ inChannels: channels, outChannels: channels / 2, kernelSize: 2 * stride, stride },
          ...(causal ? { padding: "causal" } : cut),
        }),
        ...units(channels / 2),
      ];
    },
  };
}
