import { tree } from "@jax-js/jax";
import { type BatchParts, exchangeParts } from "../distributed/batchParts.ts";
import type { ExchangeRooms } from "../distributed/exchangeRooms.ts";
import type { ProcessGroup } from "../distributed/processGroup.ts";
import { VectorQuantizeError } from "../errors.ts";
import type { Workspace } from "../kernels/layers/workspace.ts";
import { splitKeyAt } from "../kernels/threefry.ts";
import { hostNumbersOf } from "../nn/numbers.ts";
import type { ArrayTree } from "../tree.ts";
import { fingerprint } from "./fingerprint.ts";
import type { HeldState } from "./heldState.ts";
import type { GradientPlaces } from "./stepEnding.ts";
import type { StepKeys } from "./stepKeys.ts";

/** Steps from one comparison of all processes' states to the next; the first step is compared too. */
const STEPS_COMPARED = 100;

/** What a training step exchanges between the processes of a group; nothing where there is but one. */
export interface StepSharing {
  /** How the batch lies in the processes, from the shape of this one's part. */
  partsOf(shape: readonly number[]): Promise<BatchParts>;
  /** The keys of a step, those of layers apart in each process. */
  keysOf(keys: StepKeys): StepKeys;
  /** Begins to add all processes' gradients of one side; the promise is for the end of it. */
  sumGradients(side: "encoder" | "decoder"): Promise<void>;
  /** The sums of numbers over all processes. */
  sums(...values: number[]): Promise<number[]>;
  /** Gives the layers' states their mean over all processes. */
  meanOfLayers(held: HeldState): Promise<void>;
  /** Throws, now and then, unless all processes have the same state. */
  compare(steps: number, held: HeldState, state: ArrayTree): Promise<void>;
}

const alone: StepSharing = {
  partsOf: async ([rows = 0]) => ({ rows: [rows], total: rows, first: 0 }),
  keysOf: (keys) => keys,
  async sumGradients() {},
  sums: async (...values) => values,
  async meanOfLayers() {},
  async compare() {},
};

/** What a step exchanges whose gradients lie at `gradients`. */
export function stepSharing(
  group: ProcessGroup,
  work: Workspace,
  held: HeldState,
  gradients: GradientPlaces,
  rooms: ExchangeRooms,
): StepSharing {
  if (group.size === 1) return alone;
  const { memory } = work.pool;

  /** Adds up numbers in the kernels' memory: in a copy, since the memory may grow meanwhile. */
  async function addUp(name: string, start: number, floats: number): Promise<void> {
    const numbers = rooms.copyOf(name, memory.f32(start, floats));
    await group.allReduce(numbers);
    memory.f32(start, floats).set(numbers);
  }

  return {
    partsOf: (shape) => exchangeParts("trainer.trainStep", group, shape),

    keysOf(keys) {
      const { encoder, decoder } = keys;
      if (!encoder || !decoder || group.rank === 0) return keys;
      const own = (key: Uint32Array) => splitKeyAt(key, group.rank);
      return { ...keys, encoder: own(encoder), decoder: own(decoder) };
    },

    async sumGradients(side) {
      const parts = held.trainedBy(gradients).filter(({ path }) => path.startsWith(`${side}.`));
      const [first, last] = [parts[0], parts.at(-1)];
      if (!first || !last) return;
      await addUp(side, first.gradient, (last.gradient - first.gradient) / 4 + last.floats);
    },

    async sums(...values) {
      const numbers = Float64Array.from(values);
      await group.allReduce(numbers);
      return [...numbers];
    },

    async meanOfLayers(held) {
      for (const { start, floats } of held.floatsOf("layers")) {
        await addUp("layers", start, floats);
        const mean = memory.f32(start, floats);
        for (let i = 0; i < floats; i++) mean[i] = (mean[i] as number) / group.size;
      }
    },

    async compare(steps, held, state) {
      if (steps % STEPS_COMPARED !== 0) return;
      const leaves = tree.leaves(state as never) as Parameters<typeof hostNumbersOf>[0][];
      const numbers = await Promise.all(
        leaves.map((leaf) => hostNumbersOf<Float32Array<ArrayBuffer>>(leaf)),
      );
      const prints = await group.allGather(
        fingerprint([held.numbers(), ...numbers]),
        Array(group.size).fill(2),
      );
      for (let rank = 1; rank < group.size; rank++) {
        if (prints[2 * rank] === prints[0] && prints[2 * rank + 1] === prints[1]) continue;
        throw new VectorQuantizeError(
          `trainer.trainStep: expected the same state in all processes after ${steps} steps, got another one in ` +
            `process ${rank} than in process 0. Start all from one key, or from one checkpoint`,
        );
      }
    },
  };
}
