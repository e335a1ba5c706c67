import type { numpy as np } from "@jax-js/jax";
import { type MixedRadix, mixedRadix, mostDimensions } from "../../codebook/mixedRadix.ts";
import {
  checkBoolean,
  checkChoice,
  checkHolds,
  checkInteger,
  checkNumber,
  expected,
} from "../../errors.ts";
import { type Layout, layouts } from "../../layout/layout.ts";
import {
  absent,
  atLeastZero,
  checkFloat,
  checkNamed,
  choice,
  declared,
  either,
  entry,
  flag,
  integer,
  positive,
  share,
} from "../../options/kinds.ts";
import { type Complete, optionTable } from "../../options/table.ts";
import type { TorchArrays } from "../../options/torchArrays.ts";
import type { ArrayTree } from "../../tree.ts";
import { CodebooksOptions, checkCodebooks } from "../lookupFree/family.ts";

const activations = ["identity", "tanh"] as const;

/** A user's own activation. Its name is saved with the model; loading asks for it again. */
export interface ActivationFunction extends TorchArrays {
  readonly name: string;
  /** Its parameters, if it has some, for latents of `bits` features. */
  readonly init?: (key: np.Array, bits: number) => ArrayTree;
  /** `[N, codebooks, bits]` to the same shape; `params` is `{}` without `init`. */
  readonly activation: (latents: np.Array, params: ArrayTree) => np.Array;
}

/** What latents go through before the straight-through gradient. */
export type StraightThroughActivation = (typeof activations)[number] | ActivationFunction;

/** Options of `lfq` that the layers of `residualLFQ` have too. */
export class BinaryOptions {
  /** Where the features stand (`channel_first`, and any input of 4 or 5 axes). Default `channelLast`. */
  layout?: Layout = choice(layouts, "channelLast");
  /** Weight of the entropy loss; 0 turns it off. Default 0.1. */
  entropyLossWeight?: number = atLeastZero(0.1);
  /** Weight of the batch entropy within it. Default 1. */
  diversityGamma?: number = atLeastZero(1);
  /** Temperature of the distribution over codes, 1 / `inv_temperature`. Default 0.01. */
  temperature?: number = positive(0.01);
  /**
   * Smallest probability in the logarithms of the entropies. Default 1e-5, the reference's. 0 gives
   * the true entropies, of which the per-sample one takes O(N d) instead of O(N 2^d) time in a graph;
   * `createTrainingPass` and the trainer's `trainStep` take O(N 2^(d/2)) for either. The batch's is a
   * matrix product in all of them, of 2^22 codes at most.
   */
  entropyFloor?: number = share(1e-5);
  /** Share of the vectors, drawn at random, that the entropies are computed of. Default 1. */
  fracPerSampleEntropy?: number = positive(1, 1);
  /**
   * Passes the entropy loss through `softplus(loss + offset)`, so that it is positive
   * (`experimental_softplus_entropy_loss`, `entropy_loss_offset`). Default false; `true` is offset 5.
   */
  softplusEntropyLoss?: boolean | { offset: number } = declared(
    either(
      entry("offset", (where, value) => checkFloat(where, value)),
      checkBoolean,
    ),
    false,
  );
  /** Weight of the commitment loss; 0 turns it off. Default 0. */
  commitmentLossWeight?: number = atLeastZero(0);
  /** What the straight-through gradient passes. Default `identity`. */
  straightThroughActivation?: StraightThroughActivation = declared(
    either(checkNamed("activation"), (where, value) => checkChoice(where, value, activations)),
    "identity",
  );
  /** Latents and codes on the sphere of radius `codebookScale`: binary spherical quantization. Default false. */
  spherical?: boolean = flag(false);
  /** Turns the latents by a fixed random rotation. Default false. */
  orthogonalRotation?: boolean = flag(false);
}

/** Options of `lfq` that are not those of layers. */
export class LfqOwnOptions extends CodebooksOptions {
  /** Number of codes, a power of 2. Default `2^dim`. */
  codebookSize?: number = declared(checkCodebookSize, absent);
  /** Feature size of the input. Default `log2(codebookSize) * numCodebooks`. */
  dim?: number = integer(
    ({ codebookSize, numCodebooks }: Required<LfqOwnOptions>) =>
      codebookSize && Math.log2(codebookSize) * numCodebooks,
  );
  /** Whether linear maps lead in and out. Default: where `dim` is not the number of bits. */
  hasProjections?: boolean = flag((options: LfqDefaults) => options.dim !== widthOf(options));
  /** Whether the linear maps have a bias. Default true. */
  projectionHasBias?: boolean = flag(true);
  /** Maps in by cosine similarities (`cosine_sim_project_in`), times `scale`, default `codebookScale`. Default false. */
  cosineSimProjectIn?: boolean | { scale: number } = declared(
    either(
      entry("scale", (where, value) => checkFloat(where, value)),
      checkBoolean,
    ),
    false,
  );
  /** The codes are made of `-codebookScale` and `codebookScale`. Default 1. */
  codebookScale?: number = positive(1);
  /** Clamps the latents softly, `c tanh(x / c)`; at least `codebookScale`. Default none. */
  softClampInputValue?: number = positive(absent);
}

/** Options of `lfq`. The reference's names, in camelCase, beside each where they differ. */
export interface LfqOptions extends LfqOwnOptions, BinaryOptions {}

type LfqDefaults = Complete<LfqOptions, "codebookSize" | "softClampInputValue">;

/** The options with every default filled in, and what follows from them. */
export type CompleteLfqOptions = LfqDefaults & {
  bits: number;
  /** Features of the codes of all codebooks. */
  width: number;
  radix: MixedRadix;
  cosineScale: number | undefined;
  softplusOffset: number | undefined;
};

const mostBits = 53; // numbers are exact up to there

export const lfqTable = optionTable<LfqOptions, LfqDefaults>(
  "lfq",
  [LfqOwnOptions, BinaryOptions],
  [
    checkBits,
    checkCodebooks,
    checkProjections,
    ({ softClampInputValue: clamp, codebookScale }, where) => {
      if (clamp === undefined) return;
      checkNumber(`${where}: softClampInputValue`, clamp, codebookScale);
    },
  ],
);

/** Checks the options, fills in the defaults, and tells what follows from them. */
export function readLfqOptions(given: LfqOptions) {
  const { options, config } = lfqTable.read(given);
  const { cosineSimProjectIn: cosine, softplusEntropyLoss: softplus, codebookScale } = options;
  const bits = bitsOf(options);
  const complete: CompleteLfqOptions = {
    ...options,
    bits,
    width: widthOf(options),
    radix: mixedRadix(Array(bits).fill(2), "last"),
    cosineScale: typeof cosine === "object" ? cosine.scale : cosine ? codebookScale : undefined,
    softplusOffset: typeof softplus === "object" ? softplus.offset : softplus ? 5 : undefined,
  };
  return { options: complete, config };
}

/** Bits of a code, from `codebookSize` or else from `dim`. */
const bitsOf = ({ codebookSize, dim }: LfqDefaults): number =>
  codebookSize === undefined ? dim : Math.log2(codebookSize);

const widthOf = (options: LfqDefaults): number => bitsOf(options) * options.numCodebooks;

function checkCodebookSize(where: string, codebookSize: unknown): void {
  const bits = typeof codebookSize === "number" ? Math.log2(codebookSize) : Number.NaN;
  if (!Number.isInteger(bits) || bits < 1 || bits > mostBits) {
    const mend = "A larger codebook is made by dim alone, one bit a feature";
    throw expected(where, "a power of 2 from 2 to 2^53", codebookSize, mend);
  }
}

function checkBits({ codebookSize, dim }: LfqDefaults, where: string): undefined {
  if (codebookSize !== undefined) return;
  checkInteger(`${where}: dim, without codebookSize`, dim, 1, mostDimensions);
}

function checkProjections(options: LfqDefaults, where: string): undefined {
  const { dim, hasProjections } = options;
  const width = widthOf(options);
  if (hasProjections) return checkHolds(where, "linear maps", dim, width);
  if (dim === width) return;
  throw expected(`${where}: hasProjections`, `true for dim ${dim} and ${width} bits`, false);
}
