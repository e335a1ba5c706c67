type Jax = typeof import("@jax-js/jax");
type Entrances = typeof import("../../packages/vector-quantize/src/entrances/index.ts") &
  typeof import("../../packages/vector-quantize/src/entrances/nn.ts") &
  typeof import("../../packages/vector-quantize/src/entrances/train.ts");
type Config = import("../../packages/vector-quantize/src/quantizers/contract.ts").QuantizerConfig;

/** Training of a small model, from its start or from a checkpoint. */
export interface TrainingOrder {
  readonly config: Config;
  /** Steps from here on. */
  readonly steps: number;
  readonly checkpoint?: readonly number[];
  /** The step after which a checkpoint is kept, and the one after which the device is lost. */
  readonly saves?: number;
  readonly loses?: number;
}

export interface TrainingAnswer {
  readonly losses: number[];
  /** What was thrown, a step each. */
  readonly errors: string[];
  readonly checkpoint: number[];
}

/** Trains on WebGPU. It is sent to a page as text, so it uses nothing around it. */
export async function trainInPage(
  jax: Jax,
  library: Entrances,
  order: TrainingOrder,
): Promise<TrainingAnswer> {
  const { numpy: np, random } = jax;
  await jax.init("webgpu");
  jax.defaultDevice("webgpu");
  const quantizer = library.quantizerFromConfig(order.config);
  const { dim } = quantizer;
  const linear = () => library.linear({ inFeatures: dim, outFeatures: dim });
  const model = library.sequential([linear(), quantizer, linear()]);
  const trainer = library.createTrainer(model, { optimizer: library.adamw(1e-2) });
  const batch = np.sin(np.arange(32 * dim).astype(np.float32)).reshape([32, dim]);
  let state = order.checkpoint
    ? library.loadTraining(new Uint8Array(order.checkpoint)).restore(trainer)
    : trainer.init(random.key(0));
  const losses: number[] = [];
  const errors: string[] = [];
  let checkpoint: number[] = [];
  for (let step = 0; step < order.steps; step++) {
    try {
      const reader = library.createMetricReader();
      const result = await trainer.trainStep(state, batch.ref);
      state = result.state;
      await reader.push(result.metrics);
      losses.push((await reader.flush())?.values.loss ?? Number.NaN);
    } catch (thrown) {
      errors.push(String(thrown));
    }
    if (step === order.saves) {
      const kept = jax.tree.ref(state as never) as typeof state;
      checkpoint = [...(await library.saveTraining(model, kept, {}))];
    }
    if (step === order.loses) jax.getWebGPUDevice().destroy();
  }
  return { losses, errors, checkpoint };
}
