import type { numpy as np } from "@jax-js/jax";
import type { ArrayTree } from "vector-quantize";
import { type CodeLayer, codeLayers, treeOrder, type VqPicture } from "vector-quantize/codes";
import { flattenTree } from "vector-quantize/safetensors";
import { type CodedPicture, codeShape } from "./codeShape.ts";
import type { Codec } from "./modelFile.ts";

/** How a model's codes lie in `.vq` files. */
export interface VqCodes {
  readonly layers: CodeLayer[];
  readonly orders: (Uint32Array | undefined)[];
  /** Layers of a file for one of the quantizer's: its groups. */
  readonly perLayer: number;
  toFile(picture: CodedPicture): VqPicture;
  /** Layers that the file didn't give are none. */
  fromFile(picture: VqPicture): CodedPicture;
}

/** Codes beyond so many are left in the order of their numbers. */
const mostOrdered = 2 ** 16;

/**
 * Groups take turns, so that the first layers of all of them come first. Codes of a codebook are renumbered
 * by `treeOrder`, which whoever has the model can make again: files need not hold it.
 */
export async function vqCodes({ model, variables }: Codec): Promise<VqCodes> {
  const { quantizer } = model;
  const sizes = quantizer.codebookSizes;
  const perLayer = Math.max(1, codeShape(quantizer).groups);
  const each = sizes.length / perLayer;
  // In the file at q, in `CodeShape` at placeOf[q].
  const placeOf = sizes.map((_, q) => (q % perLayer) * each + Math.floor(q / perLayer));
  const reordered = { ...quantizer, codebookSizes: placeOf.map((place) => sizes[place] as number) };
  const books = perLayer === 1 ? await codebooks(variables.state, sizes) : [];
  const orders = books.map(({ data, dim }) => treeOrder(data, dim));
  return {
    layers: codeLayers(reordered, orders),
    orders,
    perLayer,
    toFile: ({ name, shape, size, codes }) => ({
      ...(name !== undefined && { name }),
      ...(size && { size }),
      shape,
      codes: perLayer === 1 ? codes : moved(codes, sizes.length, (q) => [q, placeOf[q] as number]),
    }),
    fromFile({ name, shape, size, codes }) {
      const positions = shape.reduce((product, side) => product * side, 1);
      const given = codes.length / positions;
      const full =
        given === sizes.length && perLayer === 1
          ? codes
          : moved(codes, sizes.length, (q) => [placeOf[q] as number, q], given);
      return { ...(name !== undefined && { name }), ...(size && { size }), shape, codes: full };
    },
  };
}

/** Columns of `[positions, layers]` in other places; -1 for those beyond `given`. */
function moved(
  codes: Int32Array,
  layers: number,
  placesOf: (q: number) => readonly [to: number, from: number],
  given = layers,
): Int32Array {
  const all = new Int32Array((codes.length / given) * layers).fill(-1);
  for (let q = 0; q < layers; q++) {
    const [to, from] = placesOf(q);
    if (from >= given) continue;
    for (let i = 0; i * given < codes.length; i++) {
      all[i * layers + to] = codes[i * given + from] as number;
    }
  }
  return all;
}

/** The codebooks of all layers, where the quantizer's state has them as they are. */
async function codebooks(
  state: ArrayTree,
  sizes: readonly number[],
): Promise<{ data: Float32Array; dim: number }[]> {
  const arrays = Object.entries(flattenTree(state)) as [string, np.Array][];
  const books = arrays.filter(([name]) => /(^|\.)codebook$/.test(name)).map(([, array]) => array);
  const fits = books.every(
    ({ shape }, q) => shape.length === 2 && shape[0] === sizes[q] && (sizes[q] ?? 0) <= mostOrdered,
  );
  if (books.length !== sizes.length || !fits) return [];
  return Promise.all(
    books.map(async (book) => ({
      data: (await book.ref.data()) as Float32Array,
      dim: book.shape[1] as number,
    })),
  );
}
