import asc from "assemblyscript/asc";
import type { Pool } from "vector-quantize/kernels";

/*
 * The machine's peak: a loop of 128-bit multiply-adds on registers, which no float32 kernel on 128-bit
 * vectors can pass. Without relaxed SIMD, multiplications and subtractions side by side: as many
 * operations on a CPU with units for both, fewer on others, as for the kernels themselves.
 *
 * Engines differ in how many registers such a loop may use before they spill, so several numbers of
 * accumulators are tried and the fastest counts.
 */

const ACCUMULATORS = [8, 9, 10, 11, 12];
const TURNS = 1000; // of one row
const ROWS = 4000;

type Kernel = Awaited<ReturnType<Pool["load"]>>[string];

/** `n` independent chains; each turn of the loop does one step on every chain. */
function source(n: number): string {
  const names = Array.from({ length: n }, (_, i) => `a${i}`);
  const fused = names.map((a) => `${a} = f32x4.relaxed_nmadd(m, m, ${a});`);
  const apart = names.map((a, i) => `${a} = f32x4.${i % 2 === 0 ? "mul" : "sub"}(${a}, m);`);
  return `export function peak${n}(begin: i32, end: i32, scratch: usize): i32 {
    const z = <f32>begin;
    const m = f32x4.splat(1 + z * 1e-12);
    ${names.map((a, i) => `let ${a} = f32x4.splat(z + ${i});`).join("\n")}
    for (let t = begin * ${TURNS}; t < end * ${TURNS}; ++t) {
      if (ASC_FEATURE_RELAXED_SIMD) { ${fused.join("\n")} } else { ${apart.join("\n")} }
    }
    let sum = m;
    ${names.map((a) => `sum = f32x4.add(sum, ${a});`).join("\n")}
    return f32x4.extract_lane(sum, 0) == 0.123 ? 1 : 0;
  }`;
}

/** A function that measures the peak now, on all threads, in GFLOP/s; it takes about 10 ms. */
export async function createPeakProbe(pool: Pool): Promise<() => Promise<number>> {
  const features = ["simd", "threads"];
  const functions = ACCUMULATORS.map((n) => `peak${n}`);
  const peakKernels = {
    name: "peak",
    functions,
    relaxed: async () => ({ default: await compile([...features, "relaxed-simd"]) }),
    plain: async () => ({ default: await compile(features) }),
  };
  const kernels = await pool.load(peakKernels, pool.form);
  const variants = ACCUMULATORS.map((n) => ({
    kernel: kernels[`peak${n}`] as Kernel,
    operations: ROWS * TURNS * n * (pool.form === "relaxed" ? 8 : 4),
  }));
  const speed = async ({ kernel, operations }: (typeof variants)[number]) => {
    const start = performance.now();
    const chunkRows = Math.ceil(ROWS / (16 * pool.threads));
    const job = { rows: ROWS, chunkRows, work: operations, args: [] };
    await pool.exclusive(() => pool.run(kernel, job));
    return operations / (performance.now() - start) / 1e6;
  };

  let best = variants[0];
  let most = 0;
  for (let round = 0; round < 3; round++) {
    for (const variant of variants) {
      const reached = await speed(variant);
      if (reached > most) [best, most] = [variant, reached];
    }
  }
  const chosen = best as (typeof variants)[number];
  return () => speed(chosen);
}

async function compile(features: readonly string[]): Promise<string> {
  const { binary, stderr } = await asc.compileString(ACCUMULATORS.map(source).join("\n"), {
    optimizeLevel: 3,
    noAssert: true,
    runtime: "stub",
    enable: [...features],
    importMemory: true,
    sharedMemory: true,
    initialMemory: 1,
    maximumMemory: 65536,
    noExportMemory: true,
  });
  if (binary === null) throw new Error(`the peak probe does not compile: ${stderr.toString()}`);
  return Buffer.from(binary).toString("base64");
}
