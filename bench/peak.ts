import asc from "assemblyscript/asc";
import type { Pool } from "vector-quantize/kernels";

/**
 * A loop of 128-bit multiply-adds on registers: what no kernel on 128-bit vectors can pass. Without
 * relaxed SIMD, six multiplications and six additions side by side: the same number of operations
 * on a CPU with units for both, less on others, as for the kernels themselves.
 */
const SOURCE = `
export function peak(begin: i32, end: i32, scratch: usize): i32 {
  const z = <f32>begin;
  let a = f32x4.splat(z), b = f32x4.splat(z + 1), c = f32x4.splat(z + 2), d = f32x4.splat(z + 3);
  let e = f32x4.splat(z + 4), f = f32x4.splat(z + 5), g = f32x4.splat(z + 6), h = f32x4.splat(z + 7);
  let i = f32x4.splat(z + 8), j = f32x4.splat(z + 9), k = f32x4.splat(z + 10), l = f32x4.splat(z + 11);
  const m = f32x4.splat(1 + z * 1e-12);
  for (let t = begin * 1000; t < end * 1000; ++t) {
    if (ASC_FEATURE_RELAXED_SIMD) {
      a = f32x4.relaxed_nmadd(m, m, a);
      b = f32x4.relaxed_nmadd(m, m, b);
      c = f32x4.relaxed_nmadd(m, m, c);
      d = f32x4.relaxed_nmadd(m, m, d);
      e = f32x4.relaxed_nmadd(m, m, e);
      f = f32x4.relaxed_nmadd(m, m, f);
      g = f32x4.relaxed_nmadd(m, m, g);
      h = f32x4.relaxed_nmadd(m, m, h);
      i = f32x4.relaxed_nmadd(m, m, i);
      j = f32x4.relaxed_nmadd(m, m, j);
    } else {
      a = f32x4.mul(a, m);
      b = f32x4.mul(b, m);
      c = f32x4.mul(c, m);
      d = f32x4.mul(d, m);
      e = f32x4.mul(e, m);
      f = f32x4.mul(f, m);
      g = f32x4.sub(g, m);
      h = f32x4.sub(h, m);
      i = f32x4.sub(i, m);
      j = f32x4.sub(j, m);
      k = f32x4.sub(k, m);
      l = f32x4.sub(l, m);
    }
  }
  a = f32x4.add(f32x4.add(f32x4.add(a, b), f32x4.add(c, d)), f32x4.add(f32x4.add(e, f), f32x4.add(g, h)));
  a = f32x4.add(f32x4.add(a, i), f32x4.add(j, f32x4.add(k, l)));
  return f32x4.extract_lane(a, 0) == 0.123 ? 1 : 0;
}
`;
const OPERATIONS = { relaxed: 80, plain: 48 }; // of one turn of the loop
const TURNS = 1000; // of one row
const ROWS = 4000;

/** A function that measures the peak now, on all threads, in GFLOP/s; it takes about 10 ms. */
export async function createPeakProbe(pool: Pool): Promise<() => Promise<number>> {
  const features = ["simd", "threads"];
  const binary = {
    name: "peak",
    functions: ["peak"],
    relaxed: await compile([...features, "relaxed-simd"]),
    plain: await compile(features),
  } as const;
  const { peak } = await pool.load(binary, pool.form);
  const operations = ROWS * TURNS * OPERATIONS[pool.form];
  return async () => {
    const start = performance.now();
    const chunkRows = Math.ceil(ROWS / (16 * pool.threads));
    await pool.exclusive(() =>
      pool.run(peak, { rows: ROWS, chunkRows, work: operations, args: [] }),
    );
    return operations / (performance.now() - start) / 1e6;
  };
}

async function compile(features: readonly string[]): Promise<string> {
  const { binary, stderr } = await asc.compileString(SOURCE, {
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
