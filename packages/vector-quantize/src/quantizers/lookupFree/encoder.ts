import type { LevelEncoding } from "../../kernels/levels/levelCodec.ts";
import { lazy } from "../../lazy.ts";
import { kernelsAreFast } from "../../paths.ts";
import type { LookupFreeFamily, LookupFreeParams, LookupFreeState } from "./family.ts";

const levelsModule = lazy(() => import("../../kernels/levels/encodeLevels.ts"));

/** Finds the index of latents `[N, d]` on the kernels: int32, -1 where one is not finite. */
export type Encoder = (latents: Float32Array) => Promise<Int32Array>;

/**
 * The encoder of a family on the kernels, with the very indices of its graph; undefined where the
 * graph does as well, or an index is more than one int32.
 */
export function encoderOf<P extends LookupFreeParams, S extends LookupFreeState>(
  family: LookupFreeFamily<P, S>,
): Encoder | undefined {
  const { thresholds, radix } = family;
  const { levels, sizes, places } = radix;
  if (!thresholds || sizes.length > 1 || !kernelsAreFast()) return undefined;
  const basis = places.map(BigInt);
  let codec: LevelEncoding | undefined;
  return async (latents) => {
    codec ??= { dim: levels.length, levels, basis, wide: false, thresholds: thresholds() };
    const { encodeLevels } = await levelsModule();
    const { indices } = await encodeLevels(codec, latents, { invalid: "mark" });
    return indices as Int32Array;
  };
}
