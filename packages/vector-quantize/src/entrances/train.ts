/**
 * Trainer, optimizers, schedules, checkpoints of training.
 *
 * @module vector-quantize/train
 */
import "../pageThreads.ts";

export { type LoadedTraining, loadTraining, saveTraining } from "../checkpoint/training.ts";
export { partOf } from "../distributed/batchParts.ts";
export { type Exchanged, type ProcessGroup, solo } from "../distributed/processGroup.ts";
export { type SoundLossOptions, soundLoss } from "../losses/soundLoss.ts";
export type { SoundLoss, SoundLossPart } from "../losses/soundParts.ts";
export type { SpectrumScale } from "../losses/spectra.ts";
export { moveAverage, type ParamsAverage, startAverage } from "../train/averageParams.ts";
export { chain } from "../train/chain.ts";
export {
  type EarlyStopping,
  type EarlyStoppingOptions,
  type EarlyStoppingState,
  earlyStopping,
} from "../train/earlyStopping.ts";
export { createMetricReader, type MetricReader, type StepReport } from "../train/metricReader.ts";
export { multiSteps } from "../train/multiSteps.ts";
export { applyUpdates, type GradientTransformation, type OptState } from "../train/optimizer.ts";
export {
  type AdamOptions,
  type AdamWOptions,
  adam,
  adamw,
  type SgdOptions,
  sgd,
} from "../train/optimizers.ts";
export { partition } from "../train/partition.ts";
export {
  createPhaseTimer,
  type PhaseTimer,
  type Profile,
  type StepPhase,
  stepPhases,
} from "../train/phaseTimer.ts";
export {
  constantSchedule,
  cosineSchedule,
  joinSchedules,
  type LearningRate,
  linearSchedule,
  type Schedule,
  warmupCosineSchedule,
} from "../train/schedules.ts";
export {
  createTrainer,
  type Evaluation,
  type Trainer,
  type TrainerOptions,
} from "../train/trainer.ts";
export { type TrainLoopOptions, trainLoop } from "../train/trainLoop.ts";
export type { StepMetrics, TrainState } from "../train/trainState.ts";
export {
  addDecayedWeights,
  clipByGlobalNorm,
  type ScaleByAdamOptions,
  scale,
  scaleByAdam,
  scaleByLearningRate,
  type TraceOptions,
  trace,
} from "../train/transforms.ts";
