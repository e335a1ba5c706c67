import {
  ADAM,
  APPLY,
  AVERAGE,
  BLOCK,
  CLEAR,
  COLLECT,
  DECAY,
  LOAD,
  MOMENTUM,
  operationHeader,
  SCALE,
  SQUARES,
  STORE,
} from "../engine/binaries/headers.ts";
import { headerAt } from "../engine/header.ts";
import type { Workspace } from "./workspace.ts";

const kinds = {
  load: LOAD,
  store: STORE,
  scale: SCALE,
  decay: DECAY,
  adam: ADAM,
  momentum: MOMENTUM,
  collect: COLLECT,
  apply: APPLY,
  average: AVERAGE,
  squares: SQUARES,
  clear: CLEAR,
} as const;

/**
 * What is done with the updates `u` of some numbers, one after another. `a` and `b` are the addresses of
 * other numbers that belong to them; the kernels say what each kind does.
 */
export interface Operation {
  readonly kind: keyof typeof kinds;
  readonly a?: number;
  readonly b?: number;
  readonly s?: number;
  readonly t?: number;
  readonly u?: number;
  readonly v?: number;
  readonly eps?: number;
}

/** Numbers side by side, as many as a multiple of 4, and what is done with their updates. */
export interface Updated {
  readonly floats: number;
  readonly operations: readonly Operation[];
}

/** Does the operations, in one pass over memory. */
export async function runUpdates(work: Workspace, parts: readonly Updated[]): Promise<void> {
  for (const { floats, operations } of joined(parts)) {
    const { bytes } = operationHeader;
    const list = work.take((operations.length * bytes) / 4);
    for (const [i, { kind, ...values }] of operations.entries()) {
      const header = headerAt(work.pool.memory, list + i * bytes, operationHeader);
      header.set({ kind: kinds[kind], ...values });
    }
    const rows = Math.ceil(floats / BLOCK);
    await work.run(work.kernels.updateBlocks, rows, [list, operations.length, floats], {
      work: 8 * floats * operations.length,
      scratch: 4 * BLOCK,
    });
    work.release(list);
  }
}

/** The sum of the squares of what `operations` make, whatever the number of threads. */
export async function sumOfSquares(work: Workspace, parts: readonly Updated[]): Promise<number> {
  let sum = 0;
  for (const { floats, operations } of joined(parts)) {
    const blocks = Math.ceil(floats / BLOCK);
    const sums = work.take(2 * blocks);
    await runUpdates(work, [{ floats, operations: [...operations, { kind: "squares", b: sums }] }]);
    for (const square of work.pool.memory.f64(sums, blocks)) sum += square;
    work.release(sums);
  }
  return sum;
}

/** Parts that lie one behind the other in all of their numbers, and have the same done, are one. */
function joined(parts: readonly Updated[]): Updated[] {
  const all: Updated[] = [];
  for (const part of parts) {
    const before = all.at(-1);
    if (before && follows(before, part)) {
      all[all.length - 1] = { ...before, floats: before.floats + part.floats };
    } else all.push(part);
  }
  return all;
}

/** What operations on numbers side by side have in common. */
const factors = ["kind", "s", "t", "u", "v", "eps"] as const;

function follows({ floats, operations }: Updated, next: Updated): boolean {
  return (
    operations.length === next.operations.length &&
    operations.every((own, i) => {
      const other = next.operations[i] as Operation;
      const behind = (first: number | undefined, second: number | undefined) =>
        first === undefined ? second === undefined : second === first + 4 * floats;
      return (
        behind(own.a, other.a) &&
        behind(own.b, other.b) &&
        factors.every((factor) => own[factor] === other[factor])
      );
    })
  );
}
