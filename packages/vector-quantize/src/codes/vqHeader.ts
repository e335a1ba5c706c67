import type { CodeLayer } from "./layers.ts";

/** What a file says about all of its pictures. */
export interface VqHeader {
  /** What the indices of a position are, `[Q]`. */
  readonly layers: readonly CodeLayer[];
  /** The quantizer's `config`, or what else makes it. */
  readonly quantizer?: { readonly type: string; readonly [option: string]: unknown };
  /** Which model the codes are of, such as `sha256:` and its hash. */
  readonly model?: string;
  /** Anything else, as JSON. */
  readonly metadata?: { readonly [key: string]: unknown };
}
