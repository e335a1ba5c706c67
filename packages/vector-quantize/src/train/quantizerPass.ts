import { type numpy as np, tree } from "@jax-js/jax";
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

/**
 * The training pass of `quantizer` on vectors in a workspace, whose buffer it takes over. Where they enter
 * the search as they are, and there is one process, nothing leaves the kernels' memory. Borrows `variables`, and
 * takes over `key`.
 */
export function quantizerPass(quantizer: Quantizer, group: ProcessGroup) {
  const inner = unguarded(quantizer);
  const run = createSharedPass(quantizer, group);

  return async (
    work: Workspace,
    variables: Variables,
    { at, shape }: BufferVectors,
    key: np.Array,
  ): Promise<BufferPass> => {
    const size = sizeOf(shape);
    const passInMemory = group.size === 1 && inner.passInMemory;
    const takes = shape.length > 1 && !shape.includes(0) && shape.at(-1) === quantizer.dim;
    if (passInMemory && takes) {
      const to = work.take(size);
      const pass = await passInMemory(variables, { shape, at, to }, { key });
      key.dispose();
      return {
        output: to,
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
