import { jit, numpy as np } from "@jax-js/jax";
import { floatOf, keyOf } from "../../kernels/levels/floatKeys.ts";
import { lazy } from "../../lazy.ts";
import { kernelsAreFast } from "../../paths.ts";
import type { LookupFreeFamily, LookupFreeParams, LookupFreeState } from "./family.ts";

const levelsModule = lazy(() => import("../../kernels/levels/encodeLevels.ts"));

/** Beyond this the thresholds of all levels are not worth their search. */
export const MOST_LEVELS = 4096;

/** The largest float32. */
const MOST = (2 - 2 ** -23) * 2 ** 127;

/** Finds the index of latents `[N, d]` on the kernels: int32, -1 where one is not finite. */
export type Encoder = (latents: Float32Array) => Promise<Int32Array>;

/**
 * The encoder of a family on the kernels, with the very indices of its graph; undefined where the
 * graph does as well, or an index is more than one int32.
 */
export function encoderOf<P extends LookupFreeParams, S extends LookupFreeState>(
  family: LookupFreeFamily<P, S>,
): Encoder | undefined {
  const { encodesByThresholds, radix } = family;
  const { levels, sizes, places } = radix;
  const dim = levels.length;
  if (!encodesByThresholds || sizes.length > 1 || !kernelsAreFast()) return undefined;
  if (Math.max(...levels) > MOST_LEVELS) return undefined;
  const basis = places.map(BigInt);
  const given = { params: {} as P, state: {} as S };
  const level = (z: np.Array) => family.levels(given, z.reshape([-1, 1, dim]), {});
  let found: Promise<Float32Array> | undefined;
  return async (latents) => {
    found ??= thresholdsOf(levels, level);
    const codec = { dim, levels, basis, wide: false, thresholds: await found };
    const { encodeLevels } = await levelsModule();
    const { indices } = await encodeLevels(codec, latents, { invalid: "mark" });
    return indices as Int32Array;
  };
}

/**
 * The smallest float32 of every level above the first, one dimension after the other, by bisection
 * on the device itself: what its arithmetic rounds to is what the kernels find too.
 *
 * @param level levels of values `[M, d]`, each of a value by itself, not falling as it rises
 */
export async function thresholdsOf(
  levels: readonly number[],
  level: (values: np.Array) => np.Array,
): Promise<Float32Array> {
  const dim = levels.length;
  const rows = Math.max(...levels) - 1; // row t looks for level t + 1
  const below = new Float64Array(rows * dim).fill(keyOf(-MOST));
  const above = new Float64Array(rows * dim).fill(keyOf(MOST));
  const run = jit(level as (values: np.Array) => np.Array);
  const reaches = async (keys: Float64Array) => {
    const values = np.array(Float32Array.from(keys, floatOf), { shape: [rows, dim] });
    const found = await run(values).data();
    return keys.map((_, at) => Number((found[at] as number) > Math.floor(at / dim)));
  };
  const ever = await reaches(above);
  while (above.some((key, at) => key - below[at]! > 1)) {
    const middle = above.map((key, at) => Math.floor((key + below[at]!) / 2));
    const reached = await reaches(middle);
    for (const [at, key] of middle.entries()) {
      if (reached[at]) above[at] = key;
      else below[at] = key;
    }
  }
  run.dispose();
  return Float32Array.from(
    levels.flatMap((count, d) =>
      Array.from({ length: count - 1 }, (_, t) => {
        const at = t * dim + d;
        return ever[at] ? floatOf(above[at]!) : Number.NaN;
      }),
    ),
  );
}
