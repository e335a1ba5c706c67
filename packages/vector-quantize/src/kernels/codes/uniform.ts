import { codesKernels } from "../engine/binaries/codes.ts";
import type { Pool } from "../engine/pool.ts";

/** The numbers in [0, 1) that `random.uniform(key, [count])` of jax-js draws. Call it inside `exclusive`. */
export async function drawUniform(
  pool: Pool,
  key: Uint32Array,
  count: number,
): Promise<Float32Array> {
  const { uniform } = await pool.load(codesKernels, pool.form);
  const rows = Math.ceil(count / 4);
  return pool.memory.lend(async (scope) => {
    const words = scope.copyOf(Int32Array.from(key));
    const out = scope.allocate(16 * rows);
    await pool.run(uniform, { rows, chunkRows: 1024, work: 128 * count, args: [words, out] });
    return pool.memory.f32(out, count).slice();
  });
}
