import { numpy as np, random, tree } from "@jax-js/jax";
import { passage } from "../../passage.ts";
import { owns } from "../../tree.ts";
import type { Quantized, TrainingPass, Variables } from "../contract.ts";
import { severalPasses } from "../severalPasses.ts";
import { createTrainingPass } from "../trainingPass.ts";
import type {
  VectorQuantizeParams,
  VectorQuantizeState,
  VectorQuantizeVariables,
} from "../vectorQuantize/books.ts";
import type { VectorQuantizer } from "../vectorQuantize/contract.ts";
import type { Smoothing } from "./images.ts";
import type { Scales } from "./scales.ts";

/** What gradients train: the convolutions, and the codebook where it is learned so. */
export type HierarchicalParams = { vq: VectorQuantizeParams; convolutions: Smoothing[] };
/** The codebook that all scales share. */
export type HierarchicalState = { vq: VectorQuantizeState };
type Given = Variables<HierarchicalParams, HierarchicalState>;

/** The mean of what the scales put out; see `hierarchicalVQ`. Traceable. */
export function meanOfScales(outs: readonly Quantized[]) {
  const mean = (values: np.Array[]) => values.reduce((a, b) => a.add(b)).div(values.length);
  const names = Object.keys(outs[0]?.losses ?? {});
  return {
    indices: np.concatenate(
      outs.map((out) => out.indices),
      1,
    ), // [B, P]
    loss: mean(outs.map(({ loss }) => loss)),
    losses: Object.fromEntries(
      names.map((name) => [name, mean(outs.map(({ losses }) => losses[name] as np.Array))]),
    ),
  };
}

/**
 * The training pass of a `hierarchicalVQ`: that of its codebook scale by scale, on what the scales
 * before left. Does not take ownership.
 */
export function hierarchicalPass(inner: VectorQuantizer, scales: Scales) {
  const run = createTrainingPass(inner as never);
  const poolBack = passage(scales.pool);
  const spreadBack = passage(scales.spread);
  const add = (a: np.Array, b: np.Array) => a.add(b);
  const sumOf = <T>(a: T, b: T): T => tree.map(add, a as never, b as never) as T;

  return async (
    { params, state }: Given,
    x: np.Array,
    key: np.Array | undefined,
  ): Promise<TrainingPass<HierarchicalParams, HierarchicalState>> => {
    const keys = key ? [...random.split(key.ref, scales.count)] : [];
    const { passes, made: output } = await severalPasses(async (done) =>
      scales.walk(x, params.convolutions, async (seen, at) => {
        const before = done.at(-1)?.quantized.state ?? state.vq;
        const own = tree.ref({ params: params.vq, state: before }) as VectorQuantizeVariables;
        const pass = await run(own, seen.ref, keys[at] && { key: keys[at].ref });
        done.push(pass);
        return pass.quantized.quantized.ref;
      }),
    ).finally(() => tree.dispose(keys));
    const outs = passes.map(({ quantized }) => quantized);
    const moved = outs.map((out) => out.state);
    tree.dispose(moved.slice(0, -1) as never);
    // Pooling is linear: its way back needs the shape of the image alone.
    const held = {
      image: scales.toRows(x.ref),
      codes: outs.map(({ quantized }) => quantized),
      convolutions: tree.ref(params.convolutions),
    };

    return {
      quantized: {
        quantized: output,
        ...meanOfScales(outs),
        state: { vq: moved.at(-1) as VectorQuantizeState },
      },

      async back({ quantized, loss }) {
        const { image, codes, convolutions } = held;
        const byOutput = scales.toRows(quantized); // [B, H, W, D]
        const byLoss = loss.div(scales.count);
        using _ = owns(held, byOutput, byLoss);
        const size = image.shape.slice(1, 3) as [number, number];
        let byLeft = np.zerosLike(image.ref); // gradient of what a scale leaves
        const found: HierarchicalParams[] = [];
        for (let at = scales.count - 1; at >= 0; at--) {
          const place = scales.convolutionAt(at);
          const inputs = tree.ref({
            codes: codes[at] as np.Array,
            convolution: convolutions[place] as Smoothing,
          });
          const byAdded = byOutput.ref.sub(byLeft.ref);
          const { codes: byCodes, convolution } = spreadBack({ at, size }).backward(
            inputs,
            byAdded,
          );
          const pass = passes[at] as TrainingPass;
          const home = await pass.back({ quantized: byCodes, loss: byLoss.ref });
          const bySeen = poolBack({ at }).backward({ image: image.ref }, home.x).image;
          byLeft = byLeft.add(bySeen);
          found.push({
            vq: home.params as VectorQuantizeParams,
            convolutions: convolutions.map((own, index) =>
              index === place
                ? convolution
                : tree.map((leaf: np.Array) => np.zerosLike(leaf), tree.ref(own)),
            ),
          });
        }
        return { params: found.reduce(sumOf), x: scales.fromRows(byLeft) };
      },

      dispose() {
        tree.dispose(held as never);
        for (const { dispose } of passes) dispose();
      },
    };
  };
}
