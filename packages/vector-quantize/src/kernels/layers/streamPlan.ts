import { overVectors } from "./activation.ts";
import type { ConvolutionWork } from "./convolution.ts";
import { type Addresses, type LayerPlan, sizeOf } from "./layerPlan.ts";
import type { LayerWork } from "./layerWork.ts";
import { planLayer } from "./planLayer.ts";
import type { Workspace } from "./workspace.ts";

/**
 * A layer on series `[1, T, C]` that come piece by piece: what it has seen last is carried from one piece
 * to the next, so that the outputs are those of the whole series, to the bit.
 */
export interface StreamPlan {
  readonly outputShape: readonly number[];
  /** Floats that are carried: 0 in front of the first piece. */
  readonly carried: number;
  /** The output for the buffer `x`, which it releases; `carry` is read and written. */
  run(work: Workspace, params: Addresses, carry: number, x: number): Promise<number>;
}

/**
 * The layer whose work on a piece is `work`; undefined if it needs what comes after.
 */
export function planStream(work: LayerWork): StreamPlan | undefined {
  switch (work.kind) {
    case "convolution":
      return work.transposed ? planUp(work) : planDown(work);
    case "residual":
      return planResidualStream(work.layers, work.outputShape);
    case "activation":
    case "snake":
      return alone(planLayer(work));
    case "seriesLength": // a piece is whole already
      return {
        outputShape: work.inputShape,
        carried: 0,
        run: async (_work, _params, _carry, x) => x,
      };
    default:
      return undefined;
  }
}

/** A layer that looks at each step alone. */
const alone = (plan: LayerPlan): StreamPlan => ({
  outputShape: plan.outputShape,
  carried: 0,
  run: async (work, params, _carry, x) =>
    (await plan.forward(work, params, x, { training: false })).y,
});

/** A convolution that sees no further than its own stride: the zeros in front become what was last seen. */
function planDown(given: ConvolutionWork): StreamPlan | undefined {
  const { height: axis } = given.shape;
  const { input, output, kernel, stride, dilation, padding, upsample } = axis;
  const extent = (kernel - 1) * dilation + 1;
  const causal = padding >= extent - stride && output * stride === input && upsample === 1;
  if (!causal || !isSeries(given)) return undefined;
  return behind(given, padding, { ...axis, input: padding + input, padding: 0 });
}

/** A transposed convolution cut at its end alone: each input meets all outputs that it adds to. */
function planUp(given: ConvolutionWork): StreamPlan | undefined {
  const { height: axis } = given.shape;
  // What is the input of the convolution that it is the way back of is its output.
  const { input: made, output: steps, kernel, stride, dilation, padding } = axis;
  const extent = (kernel - 1) * dilation + 1;
  if (padding !== 0 || made !== steps * stride || !isSeries(given)) return undefined;
  const before = Math.ceil(extent / stride) - 1;
  return behind(given, before, { ...axis, output: before + steps, padding: before * stride });
}

/** One series, and no image. */
const isSeries = ({ batch, shape: { width } }: ConvolutionWork): boolean =>
  batch === 1 && width.kernel === 1 && width.input === 1 && width.output === 1;

/** `given` on `before` steps that came last with those of a piece behind them. */
function behind(
  given: ConvolutionWork,
  before: number,
  height: ConvolutionWork["shape"]["height"],
): StreamPlan {
  const { inputShape, outputShape } = given;
  const channels = inputShape.at(-1) as number;
  const size = sizeOf(inputShape);
  const carried = before * channels;
  const plan = planLayer({
    ...given,
    inputShape: [1, (carried + size) / channels, channels],
    shape: { ...given.shape, height },
  });
  return {
    outputShape,
    carried,
    async run(work, params, carry, x) {
      const joined = carried === 0 ? x : join(work, carry, x, [carried, size]);
      return (await plan.forward(work, params, joined, { training: false })).y;
    },
  };
}

/** A buffer of what was carried and `x`, whose end is carried from here on. Releases `x`. */
function join(
  work: Workspace,
  carry: number,
  x: number,
  [carried, size]: readonly [number, number],
): number {
  const joined = work.take(carried + size);
  const all = work.floats(joined, carried + size);
  all.set(work.floats(carry, carried));
  all.set(work.floats(x, size), carried);
  work.floats(carry, carried).set(all.subarray(size));
  work.release(x);
  return joined;
}

/** Layers one after another; undefined if one of them needs what comes after. */
export function planStreams(works: readonly LayerWork[]): StreamPlan | undefined {
  const plans = works.map(planStream);
  if (plans.includes(undefined)) return undefined;
  const layers = plans as StreamPlan[];
  return {
    outputShape: layers.at(-1)?.outputShape ?? [],
    carried: layers.reduce((sum, { carried }) => sum + carried, 0),
    async run(work, params, carry, x) {
      let [y, at] = [x, carry];
      for (const [i, layer] of layers.entries()) {
        y = await layer.run(work, (params as readonly Addresses[])[i] as Addresses, at, y);
        at += 4 * layer.carried;
      }
      return y;
    },
  };
}

function planResidualStream(
  works: readonly LayerWork[],
  outputShape: readonly number[],
): StreamPlan | undefined {
  const inner = planStreams(works);
  if (!inner) return undefined;
  const size = sizeOf(outputShape);
  return {
    ...inner,
    async run(work, params, carry, x) {
      const { layers } = params as { readonly layers: Addresses };
      const y = await inner.run(work, layers, carry, work.hold(x));
      await overVectors(work, "addInto", size, [y, x], 4);
      work.release(x);
      return y;
    },
  };
}
