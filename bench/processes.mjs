/**
 * Training by two processes of one thread beside one process of two, and of one, on the same batches:
 * `node bench/processes.mjs`. Wants an mpirun.
 *
 * All three run in turns of a few steps each, while the others are stopped, so that a machine whose clock moves
 * slows all of them down. Prints medians of turns, of their quotients with those of the first side and of what they
 * take of a core in the first process, and the bytes of a step.
 */
import { spawn } from "node:child_process";
import os from "node:os";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { initNode } from "vector-quantize/node";

const turns = Number(process.env.TURNS ?? 60);
/** Steps of a turn that count, after one that wakes caches and threads up. */
const steps = Number(process.env.STEPS ?? 4);
/** Steps in which engines compile on threads of their own: twice as much for two processes. */
const warmup = Number(process.env.WARMUP ?? 150);
const [batch, side, dim, codes, width] = [64, 32, 32, 1024, 64];

if (process.argv[2] === "steps") await measure(Number(process.argv[3]));
else await compare();

/** Steps of one process of the job: a turn for each line that the first one is sent, which it answers. */
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
  async function take(count) {
    for (let step = 0; step < count; step++) {
      const result = await trainer.trainStep(state, images.ref);
      state = result.state;
      await result.metrics.loss.data();
    }
  }
  await take(warmup);
  const lines =
    group.rank === 0 && createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  const pids = await found.allGather(Int32Array.of(process.pid), Array(group.size).fill(1));
  if (lines) console.log(JSON.stringify({ pids: [...pids] }));
  for (let turn = 0; turn < turns; turn++) {
    if (lines) await lines.next(); // the others wait for it in their first exchange
    await take(1);
    Object.assign(bytes, { reduced: 0, gathered: 0 });
    const [began, used] = [performance.now(), process.cpuUsage()];
    await take(steps);
    const ms = (performance.now() - began) / steps;
    const { user, system } = process.cpuUsage(used);
    const cpu = (user + system) / 1000 / steps;
    if (lines) console.log(JSON.stringify({ ms, cpu, ...bytes }));
  }
}

/** A job of processes that are stopped but for their turns. */
async function start(size, threads) {
  const own = [fileURLToPath(import.meta.url), "steps", String(threads)];
  const mpi = ["-n", String(size), "--bind-to", "none", "--oversubscribe", "--allow-run-as-root"];
  const [program, args] =
    size === 1 ? [process.execPath, own] : ["mpirun", [...mpi, process.execPath, ...own]];
  const { stdin, stdout } = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
  const next = async () => JSON.parse((await lines.next()).value);
  const { pids } = await next();
  const signal = (name) => {
    for (const pid of pids) process.kill(pid, name);
  };
  signal("SIGSTOP");
  return {
    async turn() {
      signal("SIGCONT");
      stdin.write("\n");
      const found = await next();
      signal("SIGSTOP");
      return found;
    },
    end() {
      signal("SIGCONT");
      stdin.end();
    },
  };
}

async function compare() {
  console.log(`${os.cpus()[0].model}, ${os.availableParallelism()} cores, Node ${process.version}`);
  console.log(
    `${batch} images of ${side} x ${side}, ${(side / 4) ** 2} vectors of ${dim} each, ${codes} codes`,
  );
  const sides = [
    [1, 2],
    [2, 1],
    [1, 1],
  ];
  const jobs = [];
  for (const [size, threads] of sides) jobs.push(await start(size, threads));
  const found = sides.map(() => []);
  for (let turn = 0; turn < turns; turn++) {
    for (let i = 0; i < sides.length; i++) {
      const at = (turn + i) % sides.length; // nobody is always behind the same
      found[at].push(await jobs[at].turn());
    }
  }
  for (const job of jobs) job.end();
  const at = (values, share) => values.toSorted((a, b) => a - b)[Math.floor(share * values.length)];
  const [first] = found;
  for (const [i, [size, threads]] of sides.entries()) {
    const times = found[i].map(({ ms }) => ms);
    const quotient = at(
      times.map((ms, turn) => ms / first[turn].ms),
      0.5,
    );
    const cpu = at(
      found[i].map((turn) => turn.cpu),
      0.5,
    );
    const [reduced, gathered] = ["reduced", "gathered"].map((name) => found[i][0][name] / steps);
    console.log(
      `${size} x ${threads} thread(s): ${at(times, 0.5).toFixed(1)} ms a step (a tenth below ` +
        `${at(times, 0.1).toFixed(1)}, a tenth above ${at(times, 0.9).toFixed(1)}), ${quotient.toFixed(2)} of the ` +
        `first, ${cpu.toFixed(1)} ms of a core in each process, ${reduced} bytes reduced, ${gathered} gathered`,
    );
  }
}
