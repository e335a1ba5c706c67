import { jit, numpy as np } from "@jax-js/jax";
import type { MixedRadix } from "../../codebook/mixedRadix.ts";
import type { ResidualLevelCodec } from "../../kernels/levels/residualLevelCodec.ts";
import { lazy } from "../../lazy.ts";
import { kernelsAreFast } from "../../paths.ts";
import { padColumns } from "../residual/kernel.ts";

/** With more levels, comparing with the thresholds of all of them takes longer than the graph. */
const MOST_LEVELS = 4096;

const residualLevelsModule = lazy(() => import("../../kernels/levels/residualLevels.ts"));

/** What the layers of a scalar residual quantizer do, each value by itself. */
export interface ScalarLayers extends Pick<ResidualLevelCodec, "scales" | "bound"> {
  readonly radix: MixedRadix;
  /** The thresholds of the first layer's levels, one dimension after the other. */
  readonly thresholds: () => Float32Array | Promise<Float32Array>;
  /** Codes of levels `[M, d]` in the first layer. */
  readonly code: (level: np.Array) => np.Array;
}

/**
 * Finds the indices of vectors `[N, d]` on the kernels: int32 `[N, Q]`, -1 where a vector is not finite
 * and from `depth` on.
 */
export type ResidualEncoder = (vectors: Float32Array, depth: number) => Promise<Int32Array>;

/** The encoder of such layers on the kernels, with the very indices of their graph, if it knows them. */
export function residualEncoderOf(layers: ScalarLayers): ResidualEncoder | undefined {
  const { radix, scales, bound } = layers;
  const { levels } = radix;
  if (radix.sizes.length > 1 || Math.max(...levels) > MOST_LEVELS || !kernelsAreFast()) {
    return undefined;
  }
  let found: ReturnType<typeof codecOf> | undefined;
  return async (vectors, depth) => {
    found ??= codecOf(layers);
    const codec = { codec: await found, scales: scales.slice(0, depth), ...(bound && { bound }) };
    const { encodeResidualLevels } = await residualLevelsModule();
    const { indices } = await encodeResidualLevels(codec, vectors, { invalid: "mark" });
    return padColumns(indices, depth, scales.length);
  };
}

async function codecOf({ radix, code, thresholds }: ScalarLayers) {
  const { levels, places } = radix;
  const dim = levels.length;
  const most = Math.max(...levels);
  const all = Int32Array.from({ length: most * dim }, (_, at) => Math.floor(at / dim));
  const run = jit(code as (level: np.Array) => np.Array);
  const table = await run(np.array(all, { shape: [most, dim] })).data();
  run.dispose();
  const values = levels.flatMap((count, d) =>
    Array.from({ length: count }, (_, at) => table[at * dim + d] as number),
  );
  return {
    dim,
    levels,
    basis: places.map(BigInt),
    wide: false,
    thresholds: await thresholds(),
    values: new Float32Array(values),
  };
}
