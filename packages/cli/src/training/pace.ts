import { tree } from "@jax-js/jax";
import { type ProcessGroup, partOf, trainLoop } from "vector-quantize/train";
import { anyOf, fromFirst } from "../processes.ts";
import type { TrainingData } from "./data.ts";
import { type Run, trainerOf } from "./run.ts";

/** Steps that are taken for compilation and for warming up, and then at least to measure. */
const warmup = 3;
const fewest = 12;
/** Measuring goes on for this share of the time: engines get faster, and other processes come and go. */
const share = 0.02;

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
  group: ProcessGroup,
): Promise<number> {
  const { batch } = settings;
  const began = performance.now();
  let from = began;
  let taken = 0;
  const result = await trainLoop(tree.ref(state as never) as typeof state, {
    trainer: trainerOf(model, settings, group),
    batch: data.batches(items, batch, settings.seed, partOf(batch, group)),
    from: 0,
    to: Number.MAX_SAFE_INTEGER,
    onReport({ step }) {
      if (step === warmup) from = performance.now();
      taken = step;
    },
    shouldStop: () =>
      anyOf(group, taken >= warmup + fewest && performance.now() - from >= 1000 * share * seconds),
  });
  tree.dispose(result.state as never);
  const now = performance.now();
  const perStep = (now - from) / 1000 / (result.step - warmup);
  // What measuring took is part of the time.
  const fitting = Math.max(1, Math.round((seconds - (now - began) / 1000) / perStep));
  return fromFirst(group, fitting);
}
