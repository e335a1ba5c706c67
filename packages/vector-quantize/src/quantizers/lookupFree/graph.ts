import { lax, numpy as np, tree } from "@jax-js/jax";
import { joinLevels, splitWords, wordsInRange } from "../../codebook/mixedRadix.ts";
import { fromVectors, positionShape, toVectors } from "../../layout/layout.ts";
import { applyLinear } from "../../layout/linear.ts";
import { fillMasked, maskOfVectors } from "../../layout/mask.ts";
import { finiteRows, refuseRows } from "../../search/usable.ts";
import { both, int32, present } from "../../tracing.ts";
import type { ArrayTree } from "../../tree.ts";
import type { Compared, MaskOptions } from "../contract.ts";
import type { Draw, LookupFreeFamily, LookupFreeParams, LookupFreeState } from "./family.ts";

/** The arrays of one call. */
export type LookupFreeCall<P, S> = MaskOptions & {
  variables: { params: P; state: S };
  x: np.Array;
  key?: np.Array;
  indices?: np.Array;
  temperature?: np.Array;
  prepared?: ArrayTree;
};

/** The axes that indices have behind the positions: one of codebooks, one of words, or neither. */
export function indexAxes(family: {
  codebooks: number;
  keepCodebooks: boolean;
  radix: { sizes: readonly number[] };
}): number[] {
  const words = family.radix.sizes.length;
  return [...(family.keepCodebooks ? [family.codebooks] : []), ...(words > 1 ? [words] : [])];
}

/** The traced functions of a lookup-free quantizer, their arguments checked before. */
export function lookupFreeGraph<P extends LookupFreeParams, S extends LookupFreeState>(
  family: LookupFreeFamily<P, S>,
) {
  const { layout, codebooks, radix } = family;
  const d = radix.levels.length;
  const width = family.codeWidth ?? d;
  const axes = indexAxes(family);
  const words = radix.sizes.length;
  type Given = { params: P; state: S };

  const positionsOf = (x: np.Array) => positionShape(x.shape, layout);
  const wordsOf = (indices: np.Array) => indices.reshape([-1, codebooks, words]);
  const asIndices = (found: np.Array, positions: number[]) =>
    found.reshape([...positions, ...axes]);
  const positionsOfIndices = ({ shape }: np.Array) => shape.slice(0, shape.length - axes.length);

  /** Latents `[N, codebooks, d]`; padding counts as zeros, so that what stands there is harmless. */
  const toLatents = (variables: Given, x: np.Array, mask: np.Array | undefined) => {
    const vectors = toVectors(x, layout); // [N, dim]
    const real = mask ? np.where(mask.reshape([-1, 1]), vectors, 0) : vectors;
    return family.latents(variables, real);
  };

  /** Which vectors have finite latents `[N, codebooks, d]` only: bool `[N]`. */
  const usableOf = (latents: np.Array) =>
    finiteRows(latents.reshape([latents.shape[0] as number, -1]));

  const countedOf = (usable: np.Array, mask: np.Array | undefined) =>
    mask ? both(usable, mask) : usable;

  /** Words `[N, codebooks, W]`: -1 for a vector that does not count. */
  const toWords = (levels: np.Array, counted: np.Array) =>
    hidePadding(joinLevels(radix, levels), counted);

  /** Latents to train on, those that are not finite as zeros, and which vectors count. */
  const toTrain = (variables: Given, x: np.Array, mask: np.Array | undefined) => {
    const latents = toLatents(variables, x, mask?.ref);
    const usable = usableOf(latents.ref); // [N]
    const counted = countedOf(usable.ref, mask);
    return { latents: np.where(usable.ref.reshape([-1, 1, 1]), latents, 0), counted, usable };
  };

  const encodeWords = (
    variables: Given,
    x: np.Array,
    mask: np.Array | undefined,
    draw: Draw = {},
  ) => {
    const latents = lax.stopGradient(toLatents(tree.ref(variables), x, mask?.ref));
    return toWords(family.levels(variables, latents.ref, draw), countedOf(usableOf(latents), mask));
  };

  /** Code vectors `[N, codebooks * width]`, NaN for an index that no code has. */
  const toCodes = (variables: Given, indices: np.Array) => {
    const split = wordsOf(indices);
    const valid = wordsInRange(radix, split.ref).reshape([-1, codebooks, 1]);
    const codes = family.codes(variables, splitWords(radix, split)); // [N, codebooks, width]
    return np.where(valid, codes, Number.NaN).reshape([-1, codebooks * width]);
  };

  /** Codes `[N, codebooks * width]` as the output at positions `[B, ...]`, in the input's layout. */
  const toOutput = (params: P, codes: np.Array, positions: number[]) =>
    fromVectors(applyLinear(codes, params.projectOut), layout, positions);

  const decode = (variables: Given, indices: np.Array) => {
    const positions = positionsOfIndices(indices);
    return toOutput(variables.params, toCodes(tree.ref(variables), indices), positions);
  };

  return {
    decode,

    encode({ variables, x, ...masks }: LookupFreeCall<P, S>): np.Array {
      const positions = positionsOf(x);
      return asIndices(encodeWords(variables, x, maskOfVectors(masks, positions)), positions);
    },

    /** Latents `[N * codebooks, d]` for an encoder outside of the graph. */
    latents({ variables, x, ...masks }: LookupFreeCall<P, S>): np.Array {
      const real = maskOfVectors(masks, positionsOf(x));
      return toLatents(variables, x, real).reshape([-1, d]);
    },

    /** Indices `[N * codebooks]` that an encoder found, as those of `x`. */
    asIndices({ found, x, masks }: { found: np.Array; x: np.Array; masks: MaskOptions }): np.Array {
      const positions = positionsOf(x);
      const rows = found.reshape([-1, codebooks]);
      const usable = present(np.min(rows.ref, 1)); // [N]
      const counted = countedOf(usable, maskOfVectors(masks, positions));
      return asIndices(hidePadding(np.expandDims(rows, -1), counted), positions);
    },

    evaluate({ variables, x, key, indices, temperature, ...masks }: LookupFreeCall<P, S>) {
      const positions = positionsOf(x);
      const real = maskOfVectors(masks, positions);
      const found = indices
        ? hidePadding(wordsOf(indices), real?.ref)
        : encodeWords(tree.ref(variables), x, real?.ref, drawOf(key, temperature));
      const shaped = asIndices(found, positions);
      const output = lax.stopGradient(decode(variables, shaped.ref));
      return {
        quantized: fillMasked(output.ref, np.zerosLike(output), real, layout),
        indices: shaped,
        loss: np.zeros([]),
        losses: Object.fromEntries(family.losses.map((name) => [name, np.zeros([])])),
      };
    },

    /** What the kernels need to find something before `train`. */
    preparation({ variables, x, key, temperature, ...masks }: LookupFreeCall<P, S>): ArrayTree {
      const real = maskOfVectors(masks, positionsOf(x));
      const { latents, counted } = toTrain(tree.ref(variables), x, real);
      const inputs = { variables, latents, mask: counted, ...drawOf(key, temperature) };
      return family.prepare?.inputs(inputs) ?? {};
    },

    train({ variables, x, key, indices, temperature, prepared, ...masks }: LookupFreeCall<P, S>) {
      const positions = positionsOf(x);
      const real = maskOfVectors(masks, positions);
      const { latents, counted, usable } = toTrain(tree.ref(variables), x, real?.ref);
      const still = lax.stopGradient(latents.ref);
      const levels = indices
        ? splitWords(radix, wordsOf(indices.ref))
        : family.levels(tree.ref(variables), still, drawOf(key?.ref, temperature?.ref));
      const found = indices
        ? hidePadding(wordsOf(indices), counted.ref)
        : toWords(levels.ref, counted.ref);
      const { codes, loss, losses } = family.train({
        variables: tree.ref(variables),
        latents,
        levels,
        mask: counted,
        ...(key && { key }),
        ...(temperature && { temperature }),
        ...(prepared && { prepared }),
      });
      const merged = refuseRows(codes.reshape([-1, codebooks * width]), usable);
      const output = toOutput(tree.ref(variables.params), merged, positions);
      return {
        quantized: fillMasked(output.ref, np.zerosLike(output), real, layout),
        indices: asIndices(found, positions),
        loss,
        losses,
        // Through the graph: as an auxiliary output of a gradient, an untraced array raises.
        state: variables.state,
      };
    },

    codes(variables: Given, indices: np.Array): np.Array {
      const positions = positionsOfIndices(indices);
      return fromVectors(toCodes(variables, indices), layout, positions);
    },

    /** What is rounded, and all codes, of one codebook. */
    comparison(variables: Given, x: np.Array): Compared {
      const latents = toLatents(tree.ref(variables), x, undefined);
      const usable = usableOf(latents.ref);
      const values = family.values?.(tree.ref(variables), latents) as np.Array;
      const codes = toCodes(variables, np.arange(radix.sizes[0] as number).astype(np.int32));
      return { vectors: refuseRows(values.reshape([-1, width]), usable), codebooks: [codes] };
    },

    levelIndices(indices: np.Array): np.Array {
      const positions = positionsOfIndices(indices);
      const levels = splitWords(radix, wordsOf(indices));
      return levels.reshape([...positions, ...(family.keepCodebooks ? [codebooks] : []), d]);
    },

    codesToIndices(variables: Given, codes: np.Array): np.Array {
      const positions = positionsOf(codes);
      const split = toVectors(codes, layout).reshape([-1, codebooks, width]);
      const levels = family.levelsOfCodes(variables, split.ref);
      return asIndices(toWords(levels, usableOf(split)), positions);
    },
  };
}

function drawOf(key: np.Array | undefined, temperature: np.Array | undefined): Draw {
  return { ...(key && { key }), ...(temperature && { temperature }) };
}

/** Words -1 of the vectors that do not count. */
function hidePadding(found: np.Array, mask: np.Array | undefined): np.Array {
  return mask ? np.where(mask.reshape([-1, 1, 1]), found, int32(-1)) : found;
}
