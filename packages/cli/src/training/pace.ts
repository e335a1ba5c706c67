import { tree } from "@jax-js/jax";
import { trainLoop } from "vector-quantize/train";
import type { TrainingData } from "./data.ts";
import { type Run, trainerOf } from "./run.ts";

/** Steps that are taken for compilation and for warming up, and then to measure. */
const warmup = 3;
const measured = 12;

/**
 * How many steps of a run fit into `seconds`, found by taking some on a copy of its state.
 *
 * The number is fixed before training begins, because the learning rate follows it.
 */
export async function stepsWithin(
  seconds: number,
  { model, settings, state }: Run,
  data: TrainingData,
  items: Uint32Array,
): Promise<number> {
  const began = performance.now();
  let from = began;
  const result = await trainLoop(tree.ref(state as never) as typeof state, {
    trainer: trainerOf(model, settings),
    batch: data.batches(items, settings.batch, settings.seed),
    from: 0,
    to: warmup + measured,
    onReport({ step }) {
      if (step === warmup) from = performance.now();
    },
  });
  tree.dispose(result.state as never);
  const now = performance.now();
  const perStep = (now - from) / 1000 / measured;
  // What measuring took is part of the time.
  return Math.max(1, Math.round((seconds - (now - began) / 1000) / perStep));
}
