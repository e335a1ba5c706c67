import type { Workspace } from "./workspace.ts";

/** Numbers that are summed as one block: part of a sum's definition. */
const BLOCK = 4096;
/** Bytes of a block's two sums. */
const SUMS = 16;

/** How output and target are compared. */
export interface ReconstructionRule {
  readonly loss: "l1" | "l2";
  /** Smallest and largest value in the data. */
  readonly range: readonly [number, number];
  /** Whether the output is cut to the range before. */
  readonly clamp: boolean;
}

/** What a loss between outputs and targets came to. */
export interface Reconstruction {
  readonly loss: number;
  /** Its parts by name, unweighted, of one that has some. */
  readonly parts?: Readonly<Record<string, number>>;
  /** The mean squared error of the output cut to the range. */
  readonly distortion: number;
  /** A buffer: the loss's gradient by the output. */
  readonly gradient: number;
}

/**
 * The mean loss, the mean squared error of the output cut to the range, and `weight` times the loss's gradient.
 *
 * @param size numbers of output and target
 * @param share.whole numbers of the batch that they are a part of: the means are then this part's share of its
 */
export async function reconstructionLoss(
  work: Workspace,
  rule: ReconstructionRule,
  [output, target]: readonly [number, number],
  size: number,
  { whole = size, weight = 1 }: { readonly whole?: number; readonly weight?: number } = {},
): Promise<Reconstruction> {
  const { loss, range, clamp } = rule;
  const blocks = Math.ceil(size / BLOCK);
  const sums = work.take((blocks * SUMS) / 4);
  const gradient = work.take(size);
  const how = [loss === "l2" ? 1 : 0, clamp ? 1 : 0, ...range];
  const args = [output, target, size, BLOCK, ...how, gradient, weight / whole, sums];
  await work.run(work.kernels.reconstruction, blocks, args, { work: 64 * size });
  const found = work.pool.memory.f64(sums, 2 * blocks);
  let [errors, distortions] = [0, 0];
  for (let b = 0; b < blocks; b++) {
    errors += found[2 * b] as number;
    distortions += found[2 * b + 1] as number;
  }
  work.release(sums);
  return { loss: errors / whole, distortion: distortions / whole, gradient };
}
