import { numpy as np, random, tree } from "@jax-js/jax";
import { describe, expect, it } from "vitest";
import { inProcesses, processes } from "../../../../test/support/processes.ts";
import { partOf } from "../distributed/batchParts.ts";
import { type ProcessGroup, solo } from "../distributed/processGroup.ts";
import type { Quantizer, Variables } from "./contract.ts";
import { groupedResidualVQ } from "./groupedResidualVQ.ts";
import { lfq } from "./lfq.ts";
import { productVQ } from "./productVQ.ts";
import { residualVQ } from "./residualVQ.ts";
import { createSharedPass } from "./sharedPass.ts";
import { simVQ } from "./simVQ.ts";
import { vectorQuantize } from "./vectorQuantize.ts";

const small = { dim: 6, codebookSize: 24 };
const rows = 66; // 66 / 4 is not whole: parts differ in size

const quantizers: [string, () => unknown][] = Object.entries({
  euclidean: () => vectorQuantize(small),
  cosine: () => vectorQuantize({ ...small, metric: "cosine" }),
  projected: () => vectorQuantize({ ...small, codebookDim: 4 }),
  heads: () => vectorQuantize({ ...small, heads: 2, separateCodebookPerHead: true }),
  affine: () => vectorQuantize({ ...small, affineParam: true }),
  "dead codes": () => vectorQuantize({ ...small, thresholdEmaDeadCode: 1, decay: 0.5 }),
  learnable: () => vectorQuantize({ ...small, learnableCodebook: true, emaUpdate: false }),
  residualVQ: () => residualVQ({ ...small, numQuantizers: 3 }),
  "residualVQ, dropout": () => residualVQ({ ...small, numQuantizers: 3, quantizeDropout: true }),
  "residualVQ, shared": () => residualVQ({ ...small, numQuantizers: 2, sharedCodebook: true }),
  groupedResidualVQ: () => groupedResidualVQ({ ...small, groups: 2, numQuantizers: 2 }),
  lfq: () => lfq({ dim: 6, codebookSize: 64 }),
  simVQ: () => simVQ(small),
  productVQ: () => productVQ({ dim: 6, parts: 2 }),
});

/** Steps of a quantizer alone, parameters by plain gradients, on data that drift. All that came of it. */
async function train(quantizer: Quantizer, group: ProcessGroup, steps: number) {
  const run = createSharedPass(quantizer, group);
  let variables: Variables = quantizer.init(random.key(1));
  const seen: number[][] = [];
  const { from, to } = partOf(rows, group);
  for (let step = 0; step < steps; step++) {
    const batch = random.normal(random.key(100 + step), [rows, 3, 6]).add(step / 50);
    const x = batch.slice([from, to]);
    const target = random.normal(random.key(900 + step), [rows, 3, 6]).slice([from, to]);
    const pass = await run(tree.ref(variables as never) as Variables, x, { key: random.key(step) });
    const { quantized, indices, loss, losses, state } = pass.quantized;
    const byQuantized = quantized.sub(target);
    const home = await pass.back({ quantized: byQuantized, loss: np.onesLike(loss.ref) });
    const params = tree.map(
      (param: np.Array, gradient: np.Array) => param.sub(gradient.mul(0.02)),
      variables.params as never,
      home.params as never,
    ) as never;
    tree.dispose(variables.state as never);
    variables = { params, state };
    const whole = await group.allGather((await home.x.data()) as Float32Array);
    tree.dispose(losses as never);
    seen.push([...(await indices.data()), ...(await loss.data()), ...whole]);
  }
  const leaves = tree.leaves(variables as never) as unknown as np.Array[];
  const end = await Promise.all(leaves.map(async (leaf) => [...(await leaf.data())]));
  return { seen, end };
}

describe("a batch in parts has the step of the whole, to the bit", () => {
  const steps = process.env.VQ_RANK_STEPS ? Number(process.env.VQ_RANK_STEPS) : 3;
  it.each(quantizers)("%s", { timeout: 600_000 }, async (_, make) => {
    const quantizer = make() as Quantizer;
    const one = await train(quantizer, solo(), steps);
    for (const size of [1, 2, 3, 4]) {
      for (const each of await inProcesses(size, (group) => train(quantizer, group, steps))) {
        expect(each).toEqual(one);
      }
    }
  });
});

it("searches each vector once, and exchanges what its page says", async () => {
  const quantizer = vectorQuantize(small) as unknown as Quantizer;
  const { groups, traffic } = processes(2);
  await Promise.all(groups.map((group) => train(quantizer, group, 1)));
  const vectors = rows * 3;
  const shapes = 2 * 9 * 4;
  const ownOfTest = vectors * 6 * 4; // the gradients that `train` gathers
  expect(traffic.given).toEqual({ allGather: shapes + vectors * (6 + 1) * 4 + ownOfTest });
});

it("refuses parts of different batches, in every process", async () => {
  const quantizer = vectorQuantize(small) as unknown as Quantizer;
  const run = (group: ProcessGroup) =>
    createSharedPass(quantizer, group)(
      quantizer.init(random.key(0)),
      np.zeros(group.rank === 1 ? [4, 5, 6] : [4, 3, 6]),
    ).then(
      () => "passed",
      (error: Error) => error.message,
    );
  const message =
    "vectorQuantize.pass: part of process 1: expected at least one row, and of the shape " +
    "[rows, 3, 6] as process 0's, got [4, 5, 6]";
  expect(await inProcesses(3, run)).toEqual([message, message, message]);
});

it("takes indices only where a search apart is what training does", async () => {
  const quantizer = vectorQuantize({ ...small, affineParam: true }) as unknown as Quantizer;
  const { createTrainingPass } = await import("./trainingPass.ts");
  const indices = np.zeros([4]).astype(np.int32);
  await expect(
    createTrainingPass(quantizer)(quantizer.init(random.key(0)), np.zeros([4, 6]), { indices }),
  ).rejects.toThrow("vectorQuantize.pass: expected no indices, got some");
});
