import type { Layout } from "../../layout/layout.ts";

/** What a method is given in one place. */
export type Argument =
  | "key"
  | "variables"
  | "x"
  | "indices"
  | "codes"
  | "logits"
  | "gradients"
  | "options";

/** Shape of indices: axes around those of the positions. */
export interface IndexShape {
  /** Before the positions, one per group. */
  readonly groups?: number;
  /** Behind the positions. */
  readonly axes: readonly number[];
  /** Whether the last axis is one of layers, which may be fewer. */
  readonly layers?: boolean;
  /** The axes for positions, from those of the input, where they are others. */
  readonly positions?: (positions: readonly number[]) => readonly number[];
  /** Whether indices may have these axes for positions, where `positions` changes its own results. */
  readonly fits?: (positions: readonly number[]) => boolean;
}

/** What of a call tells how large its search is. */
export interface SearchingCall {
  readonly training: boolean;
  /** Layers that are used, if not all. */
  readonly depth?: number;
}

/** What the methods of one quantizer may be given, beside what every quantizer takes. */
export interface Calls {
  readonly layout: Layout;
  readonly indices: IndexShape;
  /** Options of a method that not every quantizer has. */
  readonly takes?: { readonly [method: string]: readonly string[] };
  /** Names in the state that are there between some calls and not between others. */
  readonly passing?: readonly string[];
  /** Whether positions may be masked. Default true. */
  readonly masks?: boolean;
  /** Numbers that a call of `apply` makes for each vector at least: scores of codes, of all layers. */
  readonly scores?: (call: SearchingCall) => number;
}

/** The arguments of every method that some quantizer has. */
export const signatures: Readonly<Record<string, readonly Argument[]>> = {
  init: ["key"],
  fit: ["variables", "x", "options"],
  apply: ["variables", "x", "options"],
  encode: ["variables", "x", "options"],
  update: ["variables", "x", "indices", "options"],
  prepare: ["variables", "x", "options"],
  pass: ["variables", "x", "options"],
  comparison: ["variables", "x"],
  codes: ["variables", "indices"],
  decode: ["variables", "indices", "options"],
  codebook: ["variables"],
  withCodebook: ["variables", "codes"],
  followAverages: ["variables"],
  expire: ["variables", "x", "options"],
  stepCodebookOptimizer: ["variables"],
  levelIndices: ["indices"],
  codesToIndices: ["variables", "codes"],
  moments: ["variables", "x", "options"],
  logProbability: ["logits", "indices", "options"],
  entropy: ["logits"],
  klLoss: ["logits"],
  checkIndices: ["indices", "options"],
};

/** Methods for what stands behind the guard: a guarded quantizer doesn't have them. */
export const internal: ReadonlySet<string> = new Set(["passInMemory", "findInMemory"]);

/** Methods that can't be traced: they read numbers. */
export const asynchronous: ReadonlySet<string> = new Set([
  "fit",
  "encode",
  "update",
  "prepare",
  "pass",
  "comparison",
]);

const masks = ["mask", "lengths"];

/** Options that every quantizer takes, so that one trainer serves them all. */
const common: Readonly<Record<string, readonly string[]>> = {
  fit: ["key", "iterations", "warn", ...masks],
  apply: ["training", "key", "indices", "moveState", ...masks],
  encode: masks,
  update: ["key", ...masks],
  prepare: ["key", ...masks],
  pass: ["key", "indices"],
  decode: masks,
  checkIndices: masks,
  expire: ["key", ...masks],
  moments: masks,
  logProbability: ["sumBits"],
};

/** Names of the options that a method of the quantizer takes. */
export function optionNames(method: string, calls: Calls): readonly string[] {
  const names = [...(common[method] ?? []), ...(calls.takes?.[method] ?? [])];
  return (calls.masks ?? true) ? names : names.filter((name) => !masks.includes(name));
}
