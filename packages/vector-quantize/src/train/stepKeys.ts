import { splitKeyAt } from "../kernels/threefry.ts";

/** PRNG keys of a step, two words each, as `trainer.step` has them by `random.split`. */
export interface StepKeys {
  /** Of the next step. */
  readonly next: Uint32Array<ArrayBuffer>;
  readonly quantizer: Uint32Array<ArrayBuffer>;
  /** Where layers draw. */
  readonly encoder?: Uint32Array;
  readonly decoder?: Uint32Array;
}

/** The keys of the step that `key` is of, on the host, where a split takes microseconds. */
export function keysOfStep(key: Uint32Array, draws: boolean): StepKeys {
  const [next, own] = [splitKeyAt(key, 0), splitKeyAt(key, 1)];
  if (!draws) return { next, quantizer: own };
  const [quantizer, encoder, decoder] = [0, 1, 2].map((i) => splitKeyAt(own, i)) as [
    Uint32Array<ArrayBuffer>,
    Uint32Array,
    Uint32Array,
  ];
  return { next, quantizer, encoder, decoder };
}
