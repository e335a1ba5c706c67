import { expected } from "../../errors.ts";

/** Throws unless each channel of a training batch of `shape` has numbers to take a variance of. */
export function checkBatchRows(shape: readonly number[]): void {
  const rows = shape.slice(0, -1).reduce((product, size) => product * size, 1);
  if (rows >= 2) return;
  throw expected("batchNorm: input in training", "more than one number a channel", shape);
}
