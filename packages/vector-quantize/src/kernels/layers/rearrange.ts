import { type BackwardCall, type LayerPlan, type Shapes, sizeOf } from "./layerPlan.ts";
import type { Workspace } from "./workspace.ts";

/** Blocks of pixels to features, or back. */
export interface RearrangeWork extends Shapes {
  readonly kind: "rearrange";
  readonly name: "spaceToDepth" | "depthToSpace";
  readonly block: number;
}

/** The layer on typed arrays: rows of blocks are copied. */
export function planRearrange(given: RearrangeWork): LayerPlan {
  const { name, inputShape, outputShape, block } = given;
  const deepens = name === "spaceToDepth";
  const [large, small] = deepens ? [inputShape, outputShape] : [outputShape, inputShape];
  const [batch, height, , channels] = large as [number, number, number, number];
  const size = sizeOf(inputShape);

  async function moved(work: Workspace, from: number, toSmall: boolean): Promise<number> {
    const to = work.take(size);
    const ends = toSmall ? [from, to] : [to, from];
    const args = [...ends, small[2] as number, channels, block, toSmall ? 0 : 1];
    await work.run(work.kernels.blocksToFeatures, batch * height, args, { work: 24 * size });
    work.release(from);
    return to;
  }
  return {
    inputShape,
    outputShape,
    trains: true,
    forward: async (work, _params, x) => ({ y: await moved(work, x, deepens), kept: [] }),
    backward: (work, { dy }: BackwardCall) => moved(work, dy, !deepens),
  };
}
