import { type numpy as np, random, tree } from "@jax-js/jax";
import { callLayers, type LayersCall } from "../nn/chain.ts";
import type { Model } from "../nn/model.ts";
import type { Variables } from "../quantizers/contract.ts";
import { unguarded } from "../quantizers/guard.ts";
import { type ArrayTree, jitted, owns } from "../tree.ts";
import type { PhaseTimer } from "./phaseTimer.ts";
import type { Timed } from "./stepEnding.ts";
import type { TrainState, TrainStepResult } from "./trainState.ts";
import { refTree } from "./trees.ts";

/** What the quantizer did before the graph of a step. */
export interface FoundApart {
  readonly indices: np.Array;
  /** The quantizer's state after the step. */
  readonly moved: ArrayTree;
}

/** The whole step in a graph, given what was found before it. */
export type GraphStep = (before: TrainState, batch: np.Array, found: FoundApart) => TrainStepResult;

/**
 * A training step on WebGPU, for quantizers that search and update apart from `apply`: the encoder in a
 * graph, search and statistics on the shaders, then the step in a graph that is told the indices. There
 * is no matrix of all vectors and codes, and all but open rows stays on the device. The encoder runs
 * twice: what jax-js keeps of a graph for the way back can't be handed out of it without a leak.
 */
export function createShaderStep(model: Model, inGraph: GraphStep) {
  const quantizer = unguarded(model.quantizer);
  const { encoder, decoder } = model.layers;
  const draws = [...encoder, ...decoder].some((layer) => layer.draws);
  const finish = jitted(inGraph);
  const featuresOf = jitted(
    (params: readonly ArrayTree[], x: np.Array, call: Omit<LayersCall, "training">) => {
      const [features, moved] = callLayers(encoder, params, x, { ...call, training: true });
      tree.dispose(moved as never);
      return features;
    },
  );
  /** The keys of quantizer and encoder, as `model.apply` deals them. */
  const keysOf = jitted((key: np.Array): { quantizer: np.Array; encoder?: np.Array } => {
    const [next, own] = [...random.split(key)] as [np.Array, np.Array];
    next.dispose();
    if (!draws) return { quantizer: own };
    const [quantizer, encoder, decoder] = [...random.split(own, 3)] as [
      np.Array,
      np.Array,
      np.Array,
    ];
    decoder.dispose();
    return { quantizer, encoder };
  });

  return async (before: TrainState, batch: np.Array, timer?: PhaseTimer) => {
    const timed: Timed = timer ? timer.time : (_phase, run) => run();
    const { params, state, layers } = before.variables;
    const keys = keysOf(before.key.ref);
    using _ = owns(before, batch, keys);
    const features = await timed("encoder forward", () =>
      featuresOf(refTree(params.encoder), batch.ref, {
        states: refTree(layers?.encoder ?? []),
        ...(keys.encoder && { key: keys.encoder.ref }),
      }),
    );
    using _features = owns(features);
    const own = () => tree.ref({ params: params.quantizer, state } as never) as Variables;
    const key = () => keys.quantizer.ref;
    const found = await timed("quantizer forward", async (): Promise<FoundApart> => {
      const indices = await quantizer.encode(own(), features.ref);
      using _ = owns(indices);
      const options = { key: key() };
      const moved = await quantizer.update(own(), features.ref, indices.ref, options);
      return { indices: indices.ref, moved };
    });
    return timed("step", () => finish(refTree(before), batch.ref, found as never));
  };
}
