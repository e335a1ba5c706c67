import { numpy as np } from "@jax-js/jax";
import { type Addresses, addressesIn } from "../kernels/layers/layerPlan.ts";
import { type Operation, runUpdates, sumOfSquares } from "../kernels/layers/updates.ts";
import type { Workspace } from "../kernels/layers/workspace.ts";
import { jitted } from "../tree.ts";
import type { Schedule } from "./schedules.ts";
import type { UpdateRule } from "./updateRule.ts";

/** A parameter in the kernels' memory, and its gradient. */
export interface Trained {
  /** As `encoder.0.weight`. */
  readonly path: string;
  /** Numbers that it takes there, a multiple of 4. */
  readonly floats: number;
  readonly param: number;
  /** Is written over. */
  readonly gradient: number;
  /** Where its moving average is, if there is one. */
  readonly mean?: number | undefined;
}

/** How the average of the parameters moves. */
export interface AverageRule {
  readonly decay: number;
  /** Where its weight is. */
  readonly weight: number;
}

/** A parameter on its way through the rules. */
interface Leaf extends Trained {
  operations: Operation[];
}

/**
 * The optimizer's step by `rule`, and the move of the average: to what the transformation, `applyUpdates`
 * and `moveAverage` come to. Call it inside `exclusive`.
 *
 * @param state addresses of the transformation's state, in its tree
 */
export async function takeUpdates(
  work: Workspace,
  rule: UpdateRule,
  state: Addresses,
  trained: readonly Trained[],
  average?: AverageRule,
): Promise<void> {
  const leaves: Leaf[] = trained.map((each) => ({
    ...each,
    operations: [{ kind: "load", a: each.gradient }],
  }));
  await follow(work, rule, state, leaves);
  const share = average && (1 - average.decay) / moveWeight(work, average.weight, average.decay);
  for (const { operations, param, mean } of leaves) {
    operations.push({ kind: "apply", a: param });
    if (share !== undefined && mean !== undefined) {
      operations.push({ kind: "average", a: param, b: mean, s: share });
    }
  }
  await runUpdates(work, leaves);
}

type Kinds = { readonly [Rule in UpdateRule as Rule["kind"]]: Rule };
type Named = Readonly<Record<string, Addresses>>;

/** Adds what each rule does to the operations of the leaves, and moves its counts. */
const followers: {
  readonly [Kind in keyof Kinds]: (
    work: Workspace,
    rule: Kinds[Kind],
    state: Addresses,
    leaves: readonly Leaf[],
  ) => Promise<void> | void;
} = {
  scale: (_work, { factor }, _state, leaves) => scale(leaves, factor),
  async schedule(work, { learningRate }, state, leaves) {
    const count = integerAt(work, (state as Named).count);
    scale(leaves, -(await rateAt(learningRate, count)));
    integerAt(work, (state as Named).count, count + 1);
  },
  decay(_work, { share }, _state, leaves) {
    for (const { operations, param } of leaves) {
      operations.push({ kind: "decay", a: param, s: share });
    }
  },
  adam(work, { b1, b2, eps }, state, leaves) {
    const { mean, square, meanWeight, squareWeight } = state as Named;
    const [means, squares] = [addressesIn(mean), addressesIn(square)];
    const scales = {
      u: 1 / moveWeight(work, meanWeight, b1),
      v: 1 / Math.sqrt(moveWeight(work, squareWeight, b2)),
    };
    for (const [i, { operations }] of leaves.entries()) {
      const places = { a: means[i] as number, b: squares[i] as number };
      operations.push({ kind: "adam", ...places, s: b1, t: b2, ...scales, eps });
    }
  },
  momentum(_work, { decay, nesterov }, state, leaves) {
    const past = addressesIn((state as Named).trace);
    for (const [i, { operations }] of leaves.entries()) {
      operations.push({ kind: "momentum", a: past[i] as number, s: decay, t: nesterov ? 1 : 0 });
    }
  },
  async clip(work, { maxNorm }, _state, leaves) {
    for (const leaf of leaves) {
      const { operations, gradient } = leaf;
      if (operations.length === 1) continue;
      operations.push({ kind: "store", a: gradient });
    }
    const norm = Math.sqrt(await sumOfSquares(work, leaves));
    for (const leaf of leaves) leaf.operations = [{ kind: "load", a: leaf.gradient }];
    scale(leaves, Math.min(maxNorm / norm, 1));
  },
  async chain(work, { rules }, state, leaves) {
    for (const [i, rule] of rules.entries()) {
      await follow(work, rule, (state as readonly Addresses[])[i] as Addresses, leaves);
    }
  },
  async partition(work, { rules, groupOf }, state, leaves) {
    for (const [name, rule] of Object.entries(rules)) {
      const own = leaves.filter(({ path }) => groupOf(path) === name);
      if (own.length === 0) continue;
      // A transformation gets its group as a list.
      const inner = own.map((leaf, i): Leaf => ({ ...leaf, path: String(i) }));
      await follow(work, rule, (state as Named)[name] as Addresses, inner);
      for (const [i, leaf] of own.entries()) leaf.operations = (inner[i] as Leaf).operations;
    }
  },
  async multiSteps(work, { rule, every }, state, leaves) {
    const { mean, count, inner } = state as Named;
    const next = integerAt(work, count) + 1;
    const due = next === every;
    const means = addressesIn(mean);
    for (const [i, { operations }] of leaves.entries()) {
      const a = means[i] as number;
      operations.push({ kind: "collect", a, s: 1 / next, t: due ? 1 : 0 });
      if (!due) operations.push({ kind: "clear" });
    }
    integerAt(work, count, due ? 0 : next);
    if (due) await follow(work, rule, inner as Addresses, leaves);
  },
};

function follow(
  work: Workspace,
  rule: UpdateRule,
  state: Addresses,
  leaves: readonly Leaf[],
): Promise<void> | void {
  const run = followers[rule.kind] as (typeof followers)["scale"];
  return run(work, rule as Kinds["scale"], state, leaves);
}

function scale(leaves: readonly Leaf[], s: number): void {
  for (const { operations } of leaves) operations.push({ kind: "scale", s });
}

/** How much of an average that keeps `decay` is not its start, after one more step: as it is written. */
function moveWeight(work: Workspace, at: Addresses | undefined, decay: number): number {
  const weight = work.floats(at as number, 1);
  weight[0] = (weight[0] as number) * decay + (1 - decay);
  return weight[0];
}

/** The int32 at an address, after it is set to `value`. */
function integerAt(work: Workspace, at: Addresses | undefined, value?: number): number {
  const view = work.pool.memory.i32(at as number, 1);
  if (value !== undefined) view[0] = value;
  return view[0] as number;
}

/** Schedules, compiled. */
const compiled = new WeakMap<Schedule, Schedule>();

async function rateAt(schedule: Schedule, count: number): Promise<number> {
  const run = compiled.get(schedule) ?? jitted(schedule);
  compiled.set(schedule, run);
  const [rate] = await run(np.array(count)).data();
  return rate as number;
}
