import type { numpy as np } from "@jax-js/jax";
import { replacesDeadCodes } from "../../codebook/deadCodes.ts";
import type { MoveMode } from "./move.ts";
import type { CompleteOptions } from "./options.ts";

/** The parts of a call that are not arrays. */
export interface ApplyMode extends MoveMode {
  /** Whether there are losses and gradients to the input, and the state may move. */
  training: boolean;
  /** Whether the codebook stays as it is. */
  frozen: boolean;
  /** Whether the state moves. */
  moves: boolean;
  /** Whether codes are drawn at random. */
  sampled: boolean;
  /** How many codes to give for each vector, the nearest first; 0 for the nearest alone. */
  topk: number;
}

/** What draws at random in a call, in the order in which the key is split, and by which option. */
export const drawnBy = {
  sample: "stochasticSampleCodes",
  replace: "thresholdEmaDeadCode",
  noise: 'gradient "directional"',
  subset: "orthogonalRegMaxCodes",
};
export type Drawing = keyof typeof drawnBy;

/** What of a call tells whether it draws. */
export type DrawingCall = Pick<ApplyMode, "training" | "moves" | "sampled" | "accumulate">;

/** What draws at random in a call. */
export function drawingsOf(options: CompleteOptions, mode: DrawingCall): Drawing[] {
  const { training, moves, sampled, accumulate } = mode;
  const replaces = moves && !accumulate && replacesDeadCodes(options.thresholdEmaDeadCode);
  const most = options.orthogonalRegMaxCodes ?? options.codebookSize;
  const subset = options.orthogonalRegWeight > 0 && most < options.codebookSize;
  const drawings: [boolean, Drawing][] = [
    [sampled, "sample"],
    [replaces, "replace"],
    [training && options.gradient === "directional", "noise"],
    [training && subset, "subset"],
  ];
  return drawings.filter(([draws]) => draws).map(([, drawing]) => drawing);
}

/** One book in a call. */
export interface SearchedBook {
  /** `[M, C]` */
  vectors: np.Array;
  /** The codes as compared, `[K, C]`. */
  codebook: np.Array;
  /** int32 `[M k]`; -1 where a vector does not count. */
  indices: np.Array;
  /** The codes of the indices, `[M k, C]`. */
  codes: np.Array;
  /** Similarity of each vector to each code, `[M, K]`: computed when called; of 0 where not usable. */
  logits: () => np.Array;
  /** Which vectors are real and usable, bool `[M]`. */
  counted: np.Array;
}
