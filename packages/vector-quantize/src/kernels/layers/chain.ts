import { splitKeyAt } from "../threefry.ts";
import { type Addresses, type Kept, keptBuffers, type LayerPlan } from "./layerPlan.ts";

/** Whether there is a parameter in this tree. */
function hasParams(params: Addresses): boolean {
  return typeof params === "number" || Object.values(params).some(hasParams);
}

/** Layers one after another; parameters and states are lists, a tree each, and the key is split up. */
export function planChain(layers: readonly LayerPlan[], inputShape: readonly number[]): LayerPlan {
  return {
    inputShape,
    outputShape: layers.at(-1)?.outputShape ?? inputShape,
    trains: layers.every(({ trains }) => trains),
    async forward(work, params, x, { training, state, key }) {
      const kept: Kept[] = [];
      let y = x;
      for (const [i, layer] of layers.entries()) {
        const own = { state: state && at(state, i), key: key && splitKeyAt(key, i) };
        const passed = await layer.forward(work, at(params, i), y, { training, ...own });
        kept.push(passed.kept);
        y = passed.y;
      }
      return { y, kept };
    },
    async backward(work, { params, gradients, kept, dy, wantsInput }) {
      const isLast = (i: number) => layers.slice(0, i).every((_, j) => !hasParams(at(params, j)));
      let by = dy;
      let done = !wantsInput && isLast(layers.length);
      if (done) work.release(by);
      for (let i = layers.length - 1; i >= 0; i--) {
        const own = (kept as readonly Kept[])[i] as Kept;
        if (done) {
          work.release(...keptBuffers(own));
          continue;
        }
        done = !wantsInput && isLast(i);
        by = await (layers[i] as LayerPlan).backward(work, {
          params: at(params, i),
          gradients: at(gradients, i),
          kept: own,
          dy: by,
          wantsInput: !done,
        });
      }
      return wantsInput ? by : 0;
    },
  };
}

const at = (list: Addresses, i: number): Addresses =>
  (list as readonly Addresses[])[i] as Addresses;
