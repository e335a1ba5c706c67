import { numpy as np, tree } from "@jax-js/jax";
import { type Addresses, sizeOf } from "../kernels/layers/layerPlan.ts";
import type { Workspace } from "../kernels/layers/workspace.ts";
import type { ArrayTree } from "../tree.ts";

/** Numbers of an array on the host. */
type HostNumbers = Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>;

/** The numbers of arrays that were read or made here: arrays never change. */
const known = new WeakMap<np.Array, HostNumbers>();

/** The numbers of a float32 array, as they are: not to be written to. */
export const numbersOf = (array: np.Array) => hostNumbersOf<Float32Array<ArrayBuffer>>(array);

/** The numbers of an array of that dtype, as they are: not to be written to. */
export async function hostNumbersOf<Kind extends HostNumbers>(array: np.Array): Promise<Kind> {
  let numbers = known.get(array);
  if (numbers === undefined) {
    numbers = (await array.ref.data()) as HostNumbers;
    known.set(array, numbers);
  }
  return numbers as Kind;
}

/** An array of these numbers, which are not to be written to any more. */
export function arrayOf(numbers: HostNumbers, shape: number[] = [numbers.length]): np.Array {
  const array = np.array(numbers, { shape });
  known.set(array, numbers);
  return array;
}

/** Buffers of the numbers of `params`, in their tree. */
export async function bringIn(work: Workspace, params: ArrayTree): Promise<Addresses> {
  const leaves = tree.leaves(params as never) as unknown as np.Array[];
  const numbers = await Promise.all(leaves.map(numbersOf));
  let at = 0;
  return eachLeaf(params, () => work.copyOf(numbers[at++] as Float32Array));
}

/** Buffers of zeros in the shape of `params`. */
export const zerosLike = (work: Workspace, params: ArrayTree): Addresses =>
  eachLeaf(params, ({ size }) => {
    const buffer = work.take(size);
    work.floats(buffer, size).fill(0);
    return buffer;
  });

/** The shapes of the parameters of a tree, in the order of its leaves. */
export const shapesOf = (params: ArrayTree): number[][] =>
  (tree.leaves(params as never) as unknown as np.Array[]).map(({ shape }) => shape);

/** Arrays of the numbers at `addresses`, of these shapes, in the same tree. */
export function bringOut(
  work: Workspace,
  addresses: Addresses,
  shapes: readonly (readonly number[])[],
): ArrayTree {
  let at = 0;
  const read = (start: number) => arrayAt(work, start, shapes[at++] as readonly number[]);
  return tree.map(read as never, addresses as never) as unknown as ArrayTree;
}

/** An array of the numbers of a buffer. */
export function arrayAt(work: Workspace, start: number, shape: readonly number[]): np.Array {
  const numbers = work.floats(start, sizeOf(shape)) as Float32Array<ArrayBuffer>;
  return np.array(numbers, { shape: [...shape] });
}

/** A buffer of the numbers of `x`, which it takes ownership of. */
export async function bufferOf(work: Workspace, x: np.Array): Promise<number> {
  return work.copyOf((await x.data()) as Float32Array);
}

function eachLeaf(params: ArrayTree, fn: (leaf: np.Array) => unknown): Addresses {
  return tree.map(fn as never, params as never) as unknown as Addresses;
}
