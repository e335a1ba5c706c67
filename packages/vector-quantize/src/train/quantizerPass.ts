import { type numpy as np, tree } from "@jax-js/jax";
import { type BatchParts, gatherRows } from "../distributed/batchParts.ts";
import type { ExchangeRooms } from "../distributed/exchangeRooms.ts";
import type { ProcessGroup } from "../distributed/processGroup.ts";
import { expected } from "../errors.ts";
import { sizeOf } from "../kernels/layers/layerPlan.ts";
import type { Workspace } from "../kernels/layers/workspace.ts";
import { arrayAt, bufferOf } from "../nn/numbers.ts";
import type { Quantized, Quantizer, Variables } from "../quantizers/contract.ts";
import { unguarded } from "../quantizers/guard.ts";
import { createSharedPass } from "../quantizers/sharedPass.ts";
import type { ArrayTree } from "../tree.ts";

/** A training pass of a quantizer between two buffers of a workspace. */
export interface BufferPass {
  /** The buffer of the output. */
  readonly output: number;
  readonly report: Omit<Quantized, "quantized">;
  /**
   * The gradients of the parameters, and of the vectors in a buffer, from those of the output and of
   * `report.loss`, both of which it takes over. May be called once.
   */
  back(byOutput: number, byLoss: np.Array): Promise<{ params: ArrayTree; byVectors: number }>;
  /** In place of `back`. */
  dispose(): void;
}

/** The shape of what `quantizer` makes of vectors of `shape`. */
export function outputShape(
  { outputs, config: { layout = "channelLast" } }: Quantizer,
  shape: readonly number[],
): readonly number[] {
  return outputs === undefined ? shape : shape.with(layout === "channelLast" ? -1 : 1, outputs);
}

/** Vectors in a buffer. */
interface BufferVectors {
  readonly at: number;
  readonly shape: readonly number[];
}

/** What a pass is given beside variables and vectors. */
interface PassCall {
  /** Taken over. */
  readonly key: np.Array;
  /** How the batch lies in the processes. */
  readonly parts: BatchParts;
}

/**
 * The training pass of `quantizer` on vectors in a workspace, whose buffer it takes over. Where they enter
 * the search as they are, nothing leaves the kernels' memory. Borrows `variables`. Of several processes
 * each has the vectors of its part, and what `createSharedPass` says holds.
 */
export function quantizerPass(quantizer: Quantizer, group: ProcessGroup, rooms: ExchangeRooms) {
  const inner = unguarded(quantizer);
  const run = createSharedPass(quantizer, group);

  return async (
    work: Workspace,
    variables: Variables,
    { at, shape }: BufferVectors,
    { key, parts }: PassCall,
  ): Promise<BufferPass> => {
    const takes = shape.length > 1 && !shape.includes(0) && shape.at(-1) === quantizer.dim;
    if (inner.passInMemory && takes) {
      const vectors = { at, shape };
      const pass = await (group.size === 1
        ? passAlone(work, inner, variables, vectors, key)
        : passTogether(work, inner, variables, vectors, { key, parts, group, rooms }));
      key.dispose();
      return pass;
    }
    const x = arrayAt(work, at, shape);
    work.release(at);
    const pass = await run(tree.ref(variables), x, { key });
    const { quantized, ...report } = pass.quantized;
    const outputs = quantized.shape;
    const known = outputShape(quantizer, shape);
    if (String(outputs) !== String(known)) {
      tree.dispose([quantized, report] as never);
      pass.dispose();
      throw expected(
        `training step: output of the quantizer ${quantizer.config.type}`,
        `the shape [${known}] of its input, or other features if it says so by \`outputs\``,
        outputs,
      );
    }
    return {
      output: await bufferOf(work, quantized),
      report,
      async back(byOutput, byLoss) {
        const gradient = arrayAt(work, byOutput, outputs);
        work.release(byOutput);
        const { params, x } = await pass.back({ quantized: gradient, loss: byLoss });
        return { params, byVectors: await bufferOf(work, x) };
      },
      dispose: () => pass.dispose(),
    };
  };
}

/** The pass of all vectors there are, from buffer to buffer. */
async function passAlone(
  work: Workspace,
  { passInMemory }: Quantizer,
  variables: Variables,
  { at, shape }: BufferVectors,
  key: np.Array,
): Promise<BufferPass> {
  const size = sizeOf(shape);
  const output = work.take(size);
  const call = passInMemory as NonNullable<typeof passInMemory>;
  const pass = await call(variables, { shape, at, to: output }, { key });
  return {
    output,
    report: pass.report,
    async back(byOutput, byLoss) {
      const byVectors = work.take(size);
      const params = await pass.back({ quantized: byOutput, loss: byLoss }, byVectors);
      work.release(at, byOutput);
      return { params, byVectors };
    },
    dispose: () => pass.dispose(),
  };
}

/**
 * The pass of the vectors of all processes, each of which searches its own, while these are under way to the
 * others.
 */
async function passTogether(
  work: Workspace,
  { passInMemory, findInMemory }: Quantizer,
  variables: Variables,
  { at, shape }: BufferVectors,
  {
    key,
    parts,
    group,
    rooms,
  }: PassCall & { readonly group: ProcessGroup; readonly rooms: ExchangeRooms },
): Promise<BufferPass> {
  const size = sizeOf(shape);
  const [rows = 0, ...sides] = shape;
  const each = sizeOf(sides);
  const underWay = gatherRows(
    group,
    parts,
    rooms.copyOf("own vectors", work.floats(at, size)),
    rooms.floats("vectors", parts.total * each),
  );
  underWay.catch(() => {}); // an error before it is awaited is the pass's
  const find = findInMemory as NonNullable<typeof findInMemory>;
  const own = await find(variables, { shape, at });
  const vectors = await underWay;
  const indices = await gatherRows(group, parts, own);
  work.release(at);
  const all = work.copyOf(vectors);
  const sum = work.take(parts.total * each);
  const call = passInMemory as NonNullable<typeof passInMemory>;
  const whole = { shape: [parts.total, ...sides], at: all, to: sum, indices };
  const pass = await call(variables, whole, { key });
  const output = work.take(size);
  work.floats(output, size).set(work.floats(sum + 4 * parts.first * each, size));
  work.release(sum);
  const perRow = each / (shape.at(-1) as number); // vectors
  const part = { first: parts.first * perRow, rows: rows * perRow };
  return {
    output,
    report: pass.report,
    async back(byOutput, byLoss) {
      const byVectors = work.take(size);
      const params = await pass.back({ quantized: byOutput, loss: byLoss }, byVectors, part);
      work.release(all, byOutput);
      return { params, byVectors };
    },
    dispose: () => pass.dispose(),
  };
}
