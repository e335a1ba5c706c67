import { describe, expect } from "vitest";
import { browserTest, withPage } from "./withPage.ts";

/** Steps of training with layers of many kinds, and the model's codes: the same here and in a page. */
const training = `
const { numpy: np, random, tree } = jax;
const { conv2d, gelu, groupNorm, layerNorm, linear, maxPool, residual, sequential, snake } = nn;
const wide = { inChannels: 8, outChannels: 8 };
const model = sequential([
  conv2d({ inChannels: 3, outChannels: 8 }),
  maxPool(),
  residual([groupNorm({ channels: 8, groups: 2 }), gelu(), conv2d(wide)]),
  layerNorm({ features: 8 }),
  vectorQuantize({ dim: 8, codebookSize: 16 }),
  snake({ channels: 8 }),
  conv2d({ inChannels: 8, outChannels: 8, upsample: 2 }),
  linear({ inFeatures: 8, outFeatures: 3 }),
]);
const trainer = createTrainer(model, { optimizer: adamw(1e-3), loss: "l1" });
let state = trainer.init(random.key(0));
const batch = (step) => random.normal(random.key(step), [16, 16, 16, 3]);
const losses = [];
for (let step = 0; step < 4; step++) {
  const result = await trainer.trainStep(state, batch(step));
  state = result.state;
  losses.push((await result.metrics.loss.ref.data())[0]);
  tree.dispose(result.metrics);
}
const { psnr, output, indices, reconstruction } = await trainer.evaluate(state.variables, batch(9));
const { variables, ...rest } = state;
tree.dispose(rest);
tree.dispose([output, reconstruction]);
return { losses, psnr: (await psnr.data())[0], codes: [...(await indices.data())] };
`;

interface Trained {
  readonly losses: number[];
  readonly psnr: number;
  readonly codes: number[];
}

async function here(): Promise<Trained> {
  const modules = {
    ...(await import("../../packages/vector-quantize/src/entrances/index.ts")),
    ...(await import("../../packages/vector-quantize/src/entrances/train.ts")),
    nn: await import("../../packages/vector-quantize/src/entrances/nn.ts"),
    jax: await import("@jax-js/jax"),
  };
  const names = ["jax", "nn", "vectorQuantize", "createTrainer", "adamw"] as const;
  const run = new Function(...names, `return (async () => {${training}})();`);
  return run(...names.map((name) => modules[name]));
}

describe.each([{ isolated: true }, { isolated: false }])("page, %o", ({ isolated }) => {
  browserTest(`training runs on the kernels ${isolated ? "on" : "without"} threads`, async () => {
    const found = await withPage({ isolated }, async ({ run, requests }) => {
      const trained = await run<Trained>(`
        const jax = await import("@jax-js/jax");
        const { vectorQuantize } = await import("vector-quantize");
        const { createTrainer, adamw } = await import("vector-quantize/train");
        const nn = await import("vector-quantize/nn");
        ${training}
      `);
      expect(requests.some((path) => path.includes("binaries/layers"))).toBe(true);
      return trained;
    });
    const wanted = await here();
    expect(found.codes).toEqual(wanted.codes);
    for (const [step, loss] of wanted.losses.entries()) {
      expect(Math.abs((found.losses[step] as number) - loss) / loss).toBeLessThan(1e-5);
    }
    expect(found.psnr).toBeCloseTo(wanted.psnr, 3);
  });
});
