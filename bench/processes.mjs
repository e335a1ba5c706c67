/**
 * Training by several processes beside one with as many threads, on the same batches: node bench/processes.mjs
 *
 * Runs both in turn, each in processes of its own, and prints times and bytes of a step. Wants an mpirun.
 */
import { spawnSync } from "node:child_process";
import os from "node:os";
import { fileURLToPath } from "node:url";
import { initNode } from "vector-quantize/node";

const rounds = Number(process.env.ROUNDS ?? 3);
const steps = Number(process.env.STEPS ?? 30);
/** Steps in which engines compile on threads of their own: twice as much for two processes. */
const warmup = Number(process.env.WARMUP ?? 150);
const [batch, side, dim, codes, width] = [64, 32, 32, 1024, 64];

if (process.argv[2] === "steps") await measure(Number(process.argv[3]));
else compare();

/** Steps of one process of the job; the first one prints. */
async function measure(threads) {
  await initNode({ threads });
  const { random } = await import("@jax-js/jax");
  const { vectorQuantize } = await import("vector-quantize");
  const { imageAutoencoder } = await import("vector-quantize/nn");
  const { adamw, createTrainer, partOf, solo } = await import("vector-quantize/train");
  const { launched, mpiGroup } = await import("vector-quantize-mpi");
  const found = launched() ? await mpiGroup() : solo();
  const bytes = { reduced: 0, gathered: 0 };
  const group = {
    ...found,
    allReduce(values) {
      bytes.reduced += values.byteLength;
      return found.allReduce(values);
    },
    async allGather(part, lengths, room) {
      const all = await found.allGather(part, lengths, room);
      bytes.gathered += all.byteLength;
      return all;
    },
  };
  const quantizer = vectorQuantize({ dim, codebookSize: codes, decay: 0.99 });
  const model = imageAutoencoder({ quantizer, codeDim: dim, patch: 4, width, depth: 2 });
  const trainer = createTrainer(model, { optimizer: adamw(1e-3), group });
  let state = trainer.init(random.key(0));
  const { from, to } = partOf(batch, group);
  const images = random.normal(random.key(1), [batch, side, side, 3]).slice([from, to]);
  await images.ref.data();
  const times = [];
  for (let step = 0; step < warmup + steps; step++) {
    if (step === warmup) Object.assign(bytes, { reduced: 0, gathered: 0 });
    const began = performance.now();
    const result = await trainer.trainStep(state, images.ref);
    state = result.state;
    await result.metrics.loss.data();
    if (step >= warmup) times.push(performance.now() - began);
  }
  times.sort((a, b) => a - b);
  const each = (count) => Math.round(count / steps);
  if (group.rank > 0) return;
  const [reduced, gathered] = [each(bytes.reduced), each(bytes.gathered)];
  console.log(JSON.stringify({ ms: times[times.length >> 1], reduced, gathered }));
}

function compare() {
  const file = fileURLToPath(import.meta.url);
  const run = (size, threads) => {
    const own = [file, "steps", String(threads)];
    const mpi = ["-n", String(size), "--bind-to", "none", "--oversubscribe", "--allow-run-as-root"];
    const [program, args] =
      size === 1 ? [process.execPath, own] : ["mpirun", [...mpi, process.execPath, ...own]];
    const { stdout, stderr } = spawnSync(program, args, { encoding: "utf8" });
    if (!stdout.includes("{")) throw new Error(stderr);
    return JSON.parse(stdout);
  };
  console.log(`${os.cpus()[0].model}, ${os.availableParallelism()} cores, Node ${process.version}`);
  console.log(
    `${batch} images of ${side} x ${side}, ${(side / 4) ** 2} vectors of ${dim} each, ${codes} codes`,
  );
  const sides = [
    [1, 2],
    [2, 1],
    [1, 1],
  ];
  const all = sides.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, [size, threads]] of sides.entries()) all[i].push(run(size, threads));
  }
  const middle = (values) => values.sort((a, b) => a - b)[values.length >> 1];
  for (const [i, [size, threads]] of sides.entries()) {
    const { reduced, gathered } = all[i][0];
    const ms = middle(all[i].map((found) => found.ms)).toFixed(1);
    console.log(
      `${size} x ${threads} thread(s): ${ms} ms a step (${all[i].map((f) => f.ms.toFixed(1)).join(", ")}), ` +
        `${reduced} bytes reduced, ${gathered} gathered`,
    );
  }
}
