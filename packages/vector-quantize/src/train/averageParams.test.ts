import { numpy as np, tree } from "@jax-js/jax";
import { expect, test } from "vitest";
import { jitted } from "../tree.ts";
import { moveAverage, type ParamsAverage, startAverage } from "./averageParams.ts";

test("weighs the steps by the decay, without bias to the start", async () => {
  const decay = 0.9;
  const path = [5, -1, 2, 8];
  type Params = { p: np.Array };
  const move = jitted((average: ParamsAverage<Params>, params: Params) =>
    moveAverage(average, params, decay),
  );
  let average = startAverage({ p: np.array([100]) });
  for (const [t, value] of path.entries()) {
    average = move(average, { p: np.array([value]) });
    const weights = path.slice(0, t + 1).map((_, i) => decay ** (t - i));
    const sum = weights.reduce((total, w, i) => total + w * (path[i] as number), 0);
    const want = sum / weights.reduce((total, w) => total + w);
    expect((await average.mean.p.ref.data())[0]).toBeCloseTo(want, 5);
  }
  tree.dispose(average as never);
});
