import { numpy as np, tree } from "@jax-js/jax";
import { type BatchParts, exchangeParts, gatherRows } from "../distributed/batchParts.ts";
import type { ProcessGroup } from "../distributed/processGroup.ts";
import { owns } from "../tree.ts";
import type { Quantizer, TrainingPass, Variables } from "./contract.ts";
import { checkCallOf, layoutsOf, unguarded } from "./guard.ts";
import { createTrainingPass, type RunTrainingPass } from "./trainingPass.ts";

/**
 * `createTrainingPass` for a batch whose parts R processes have: each calls it with its own part, along
 * the first axis, and with the same variables and key.
 *
 * Every process searches the codes of its own vectors; then all know all vectors and indices, and each
 * takes the step of the whole batch. So state, losses, indices and gradients of the parameters are to the
 * bit those of one process with the whole batch, whatever the quantizer: means and draws over the batch
 * too. A quantizer whose search can't be taken apart is computed whole by each.
 *
 * `quantized` is that of the own part, as is the gradient of `x`; `indices`, `loss`, `losses` and `state`
 * are those of the whole batch. Gradients of `quantized` are those of one loss over the whole batch; with
 * another process's part nobody's `x` has to do. A step exchanges 4 D bytes for each vector and 4 for each
 * of its indices; and 4 D again on the way back, unless the quantizer trains nothing by gradients.
 */
export function createSharedPass(given: Quantizer, group: ProcessGroup): RunTrainingPass {
  const run = createTrainingPass(given);
  if (group.size === 1) return run;
  const quantizer = unguarded(given);
  const axisOfRows = layoutsOf(given)?.indices.groups === undefined ? 0 : 1;
  const where = `${quantizer.config.type}.pass`;

  /** The indices of all parts, found by each process for its own. */
  async function searched(variables: Variables, x: np.Array, parts: BatchParts): Promise<np.Array> {
    const own = await quantizer.encode(tree.ref(variables as never) as Variables, x.ref);
    const { shape } = own;
    const numbers = (await own.data()) as Int32Array<ArrayBuffer>;
    const all = await gatherRows(group, parts, numbers);
    return joined(all, shape, parts, axisOfRows);
  }

  return async (variables, x, options = {}) => {
    checkCallOf(given, "pass", [variables, x, options]);
    using _ = owns(variables, x, options);
    const parts = await exchangeParts(where, group, x.shape);
    const shape = [parts.total, ...x.shape.slice(1)];
    const indices = quantizer.trainsApart ? await searched(variables, x, parts) : undefined;
    const own = (await x.ref.data()) as Float32Array<ArrayBuffer>;
    const all = np.array(await gatherRows(group, parts, own), { shape });
    const found = { ...tree.ref(options), ...(indices && { indices }) };
    const pass = await run(tree.ref(variables as never) as Variables, all, found);
    return partOfPass(pass, parts);
  };

  /** A pass of the whole batch as the part of this process sees it. */
  function partOfPass(pass: TrainingPass, parts: BatchParts): TrainingPass {
    const { quantized, ...report } = pass.quantized;
    const { shape } = quantized;
    const rows = parts.rows[group.rank] as number;
    const cut = (whole: np.Array) => whole.slice([parts.first, parts.first + rows]);
    return {
      quantized: { quantized: cut(quantized), ...report },
      async back(gradients) {
        const own = (await gradients.quantized.data()) as Float32Array<ArrayBuffer>;
        const numbers = await gradientOfAll(own, parts);
        const whole = np.array(numbers, { shape });
        const { params, x } = await pass.back({ quantized: whole, loss: gradients.loss });
        return { params, x: cut(x) };
      },
      dispose: () => pass.dispose(),
    };
  }

  /** The gradient of the whole output; zeros for others' where nobody looks at them. */
  async function gradientOfAll(own: Float32Array<ArrayBuffer>, parts: BatchParts) {
    if (!quantizer.passInMemory) return gatherRows(group, parts, own);
    const each = own.length / (parts.rows[group.rank] as number);
    const all = new Float32Array(parts.total * each);
    all.set(own, parts.first * each);
    return all;
  }
}

/** Numbers of several parts, one behind another, as one array: joined along the axis `at`. */
function joined(
  numbers: Int32Array<ArrayBuffer>,
  shapeOfPart: readonly number[],
  { rows, total }: BatchParts,
  at: number,
): np.Array {
  const size = (sides: readonly number[]) => sides.reduce((a, b) => a * b, 1);
  const [outer, inner] = [size(shapeOfPart.slice(0, at)), size(shapeOfPart.slice(at + 1))];
  const shape = shapeOfPart.with(at, total);
  if (outer === 1) return np.array(numbers, { shape });
  const all = new Int32Array(numbers.length);
  let from = 0;
  let first = 0;
  for (const count of rows) {
    for (let o = 0; o < outer; o++) {
      const length = count * inner;
      all.set(numbers.subarray(from, from + length), (o * total + first) * inner);
      from += length;
    }
    first += count;
  }
  return np.array(all, { shape });
}
