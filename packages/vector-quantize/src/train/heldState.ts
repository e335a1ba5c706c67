import { numpy as np, tree } from "@jax-js/jax";
import type { Pool } from "../kernels/engine/pool.ts";
import { type Addresses, addressesIn, sizeOf } from "../kernels/layers/layerPlan.ts";
import type { Workspace } from "../kernels/layers/workspace.ts";
import type { LayerStates, ModelParams } from "../nn/model.ts";
import { numbersOf } from "../nn/numbers.ts";
import type { ArrayTree } from "../tree.ts";
import { type BesideHeld, holdings } from "./holdings.ts";
import type { Trained } from "./kernelUpdates.ts";
import type { OptState } from "./optimizer.ts";
import type { TrainState } from "./trainState.ts";
import { mapPaths } from "./trees.ts";

/** What of a state of training is held. */
export type HeldParts = {
  readonly params: ModelParams;
  readonly optimizer: OptState;
  readonly average: TrainState["average"];
  /** The states of the layers, of a model that has them. */
  readonly layers?: LayerStates;
};

/** The same by address. */
type Places = { readonly [Part in keyof Required<HeldParts>]: Addresses };

/** Floats of a vector: so many side by side are a leaf's least. */
const VECTOR = 4;
/** Bytes that kernels may read past the end. */
const MARGIN = 32;
const up = (floats: number) => Math.max(1, Math.ceil(floats / VECTOR)) * VECTOR;

/**
 * Parameters, moments, average and states of layers of a state of training in the kernels' memory, where they
 * stay from step to step: leaf behind leaf, each filled up to whole vectors with zeros.
 */
export class HeldState {
  readonly pool: Pool;
  readonly places: Places;
  /** Of the parameters, in the order of their leaves. */
  readonly #paths: readonly string[];
  readonly #shapes: ReadonlyMap<number, { readonly shape: number[]; readonly whole: boolean }>;
  readonly #start: number;

  private constructor(pool: Pool, start: number, parts: HeldParts) {
    this.pool = pool;
    this.#start = start;
    const shapes = new Map<number, { shape: number[]; whole: boolean }>();
    let at = start;
    this.places = tree.map(
      ((leaf: np.Array) => {
        const place = at;
        shapes.set(place, { shape: leaf.shape, whole: leaf.dtype === "int32" });
        at += 4 * up(leaf.size);
        return place;
      }) as never,
      parts as never,
    ) as unknown as Places;
    this.#shapes = shapes;
    const paths: string[] = [];
    mapPaths((path, leaf) => {
      paths.push(path);
      return leaf;
    }, parts.params);
    this.#paths = paths;
  }

  /** Copies of `parts`, which stay the caller's, in the memory of `pool`. */
  static async of(pool: Pool, parts: HeldParts): Promise<HeldState> {
    const leaves = tree.leaves(parts as never) as unknown as np.Array[];
    const numbers = await Promise.all(leaves.map((leaf) => numbersOf(leaf)));
    const { memory } = pool;
    const floats = leaves.reduce((sum, { size }) => sum + up(size), 0);
    const start = memory.allocate(4 * floats + MARGIN);
    memory.f32(start, floats).fill(0);
    const held = new HeldState(pool, start, parts);
    for (const [i, at] of [...held.#shapes.keys()].entries()) {
      memory.write(at, numbers[i] as Float32Array);
    }
    return held;
  }

  /** Zeros for the gradients of the parameters, in the same order, and where each is. */
  gradientsIn(work: Workspace): Addresses {
    const starts = addressesIn(this.places.params);
    const last = starts.at(-1);
    const first = starts[0] ?? 0;
    const floats = last === undefined ? 0 : (last - first) / 4 + this.#floatsAt(last);
    const gradients = work.take(floats);
    work.floats(gradients, floats).fill(0);
    const shift = (at: number) => at - first + gradients;
    return tree.map(shift as never, this.places.params as never) as unknown as Addresses;
  }

  /** The parameters with their gradients. */
  trainedBy(gradients: Addresses): Trained[] {
    const { params, average } = this.places;
    const starts = addressesIn(gradients);
    const means = addressesIn((average as { mean?: Addresses }).mean);
    return addressesIn(params).map((param, i) => ({
      path: this.#paths[i] as string,
      floats: this.#floatsAt(param),
      param,
      gradient: starts[i] as number,
      mean: means[i],
    }));
  }

  /** Where the floats of a part are, leaf by leaf; none where the state doesn't have it. */
  floatsOf(part: keyof HeldParts): { start: number; floats: number }[] {
    return addressesIn(this.places[part])
      .filter((start) => !this.#shapes.get(start)?.whole)
      .map((start) => ({ start, floats: this.#floatsAt(start) }));
  }

  /** All that is held, as it lies in memory: a view that is good until memory is taken. */
  numbers(): Float32Array {
    const last = [...this.#shapes.keys()].at(-1);
    const floats = last === undefined ? 0 : (last - this.#start) / 4 + this.#floatsAt(last);
    return this.pool.memory.f32(this.#start, floats);
  }

  #floatsAt(place: number): number {
    return up(sizeOf(this.#shapes.get(place)?.shape ?? []));
  }

  /** Arrays of a part. */
  arraysAt(places: Addresses): ArrayTree {
    const { memory } = this.pool;
    const read = (place: number) => {
      const { shape, whole } = this.#shapes.get(place) as { shape: number[]; whole: boolean };
      const size = sizeOf(shape);
      const numbers = whole ? memory.i32(place, size) : memory.f32(place, size);
      return np.array(numbers as Float32Array<ArrayBuffer>, { shape });
    };
    return tree.map(read as never, places as never) as unknown as ArrayTree;
  }

  free(): void {
    if (!this.pool.disposed) this.pool.memory.free(this.#start);
  }
}

/** What stands behind a state whose arrays are not all there. */
export interface Holding extends BesideHeld {
  readonly held: HeldState;
  /** Who knows what is done with it. */
  readonly owner: object;
}

/**
 * The state of training that `held`, which it takes over, has the numbers of: they become arrays when they
 * are first looked at, and are given back in the kernels' memory then.
 */
export function stateHolding(holding: Holding): TrainState {
  const { held, key, step } = holding;
  const state = { variables: {}, optimizer: {}, key, step, average: {} } as unknown as TrainState;
  show(state, holding, () => {
    holdings.delete(state);
    const parts = held.arraysAt(held.places as unknown as Addresses);
    held.free();
    return parts as unknown as HeldParts;
  });
  holdings.set(state, holding);
  return state;
}

/**
 * Takes over what is held for a state by `owner` in `pool`, if something is. Its arrays are used up then, as
 * those are that a call takes.
 */
export function takeHeld(state: TrainState, owner: object, pool: Pool): Holding | undefined {
  const holding = holdings.get(state) as Holding | undefined;
  if (holding?.owner !== owner || holding.held.pool !== pool) return undefined;
  holdings.delete(state);
  const { held } = holding;
  show(state, holding, () => {
    const parts = held.arraysAt(held.places as unknown as Addresses);
    tree.dispose(parts as never);
    return parts as unknown as HeldParts;
  });
  return holding;
}

/** Has `shown` show the parts that `made` makes, once, when it is looked at. */
function show(shown: TrainState, { state }: BesideHeld, made: () => HeldParts): void {
  let parts: Pick<TrainState, "variables" | "optimizer" | "average"> | undefined;
  const all = () => {
    if (parts === undefined) {
      const { params, optimizer, average, layers } = made();
      const variables = { params, state, ...(layers && { layers }) };
      parts = { variables, optimizer, average };
    }
    return parts;
  };
  for (const part of ["variables", "optimizer", "average"] as const) {
    Object.defineProperty(shown, part, {
      get: () => all()[part],
      enumerable: true,
      configurable: true,
    });
  }
}
