/** The reference's lookup-free classes in our terms, by `fromTorch`. */
import { type numpy as np, tree } from "@jax-js/jax";
import { toDevice } from "../../../packages/vector-quantize/src/checkpoint/safetensors.ts";
import type { Variables } from "../../../packages/vector-quantize/src/quantizers/contract.ts";
import type { LookupFreeQuantizer } from "../../../packages/vector-quantize/src/quantizers/lookupFree.ts";
import { fromTorch } from "../../../packages/vector-quantize/src/torch/fromTorch.ts";
import type { Kwargs, RecordedCase, Tensors } from "../cases.ts";
import { withOwnObjects } from "../ownObjects.ts";

/** Every lookup-free class of the reference. */
export const classNames = ["BinaryMapper", "FSP", "FSQ", "LatentQuantize", "LFQ"] as const;

type Arrays = Variables<Record<string, never>, Record<string, never>>;

/** A recorded module as ours: as `fromTorch` makes it, and for the rank of its input. */
export interface Converted {
  plain: LookupFreeQuantizer;
  quantizer: LookupFreeQuantizer;
  /** Its arrays before the first step. */
  variables(): Arrays;
}

/** Ours for a recorded case. */
export function convert(recorded: RecordedCase): Converted {
  const kwargs = withOwnObjects(recorded.kwargs);
  const layout = layoutOf(recorded.class, kwargs, rankOf(recorded));
  const make = (options = {}) =>
    fromTorch(recorded.class, kwargs, onDevice(recorded.state), options);
  const { quantizer: plain, variables: unused } = make();
  const { quantizer, variables: more } = make(layout && { layout });
  tree.dispose([unused, more] as never);
  return {
    plain: plain as LookupFreeQuantizer,
    quantizer: quantizer as LookupFreeQuantizer,
    variables: () => make().variables as unknown as Arrays,
  };
}

/** Tensors of a file as arrays. */
export const onDevice = (tensors: Tensors): Record<string, np.Array> =>
  Object.fromEntries(Object.entries(tensors).map(([name, own]) => [name, toDevice(own)]));

/** The rank of the input, or of what is decoded. */
function rankOf({ steps, kwargs }: RecordedCase): number {
  const ranks = steps.map(({ in: { x, indices } }) => {
    if (x) return x.shape.length;
    return indices ? indices.shape.length + (Number(kwargs.num_codebooks ?? 1) > 1 ? 0 : 1) : 0;
  });
  return Math.max(...ranks);
}

/** Most of the reference's classes take every input of 4 or 5 axes as an image or a video. */
function layoutOf(className: string, { channel_first: first }: Kwargs, rank: number) {
  const guesses = className !== "BinaryMapper" && (className !== "FSP" || first);
  if (guesses && rank === 5) return "video";
  if (guesses && rank === 4) return "image";
  // The reference's LatentQuantize takes codes with their features last.
  return className === "LatentQuantize" && rank !== 3 ? "channelLast" : undefined;
}
