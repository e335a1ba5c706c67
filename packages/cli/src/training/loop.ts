import { numpy as np } from "@jax-js/jax";
import {
  type Batches,
  createMetricReader,
  type Images,
  type StepReport,
  type Trainer,
  type TrainState,
  toFloats,
} from "vector-quantize";

export interface LoopOptions {
  readonly trainer: Trainer;
  readonly images: Images;
  readonly batches: Batches;
  /** Steps taken before. */
  readonly from: number;
  /** Steps taken when done. */
  readonly to: number;
  /** Called with every step's report, one step late. */
  onReport(report: StepReport): void;
  /** Asked after every step whether to stop there. */
  shouldStop(): boolean;
  /** Called after every step with the state, which stays the loop's. */
  afterStep?(state: TrainState, step: number): Promise<void>;
}

/** Takes steps until `to` or until asked to stop. Takes ownership of `state`. */
export async function trainLoop(
  state: TrainState,
  options: LoopOptions,
): Promise<{ state: TrainState; step: number }> {
  const { trainer, images, batches, from, to } = options;
  const { height, width, channels } = images;
  const reader = createMetricReader();

  function batchOf(step: number): np.Array {
    const items = batches.at(step);
    return np.array(toFloats(images, items), { shape: [items.length, height, width, channels] });
  }

  let step = from;
  let next: np.Array | undefined;
  while (step < to) {
    const stepping = trainer.trainStep(state, next ?? batchOf(step));
    step += 1;
    // Made while the device still computes the step.
    next = step < to ? batchOf(step) : undefined;
    const result = await stepping;
    state = result.state;
    const report = await reader.push(result.metrics);
    if (report) options.onReport(report);
    await options.afterStep?.(state, step);
    if (options.shouldStop()) break;
  }
  next?.dispose();
  const last = await reader.flush();
  if (last) options.onReport(last);
  return { state, step };
}
