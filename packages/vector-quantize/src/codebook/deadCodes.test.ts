import { numpy as np, random } from "@jax-js/jax";
import { expect, it } from "vitest";
import { drawOnHost, drawRows } from "./deadCodes.ts";

const count = 40;

it.each([
  ["more rows than codes, of which some have the same turn", 9000, (n: number) => n],
  ["rows that are left out", 9000, (n: number) => (n % 3 === 0 ? 1 : -1)],
  ["fewer rows than codes", 100, (n: number) => (n % 9 === 4 ? 0 : -1)],
  ["no row", 50, () => -1],
])("draws on the host what the graph draws: %s", async (_, N, indexOf) => {
  const vectors = Float32Array.from({ length: 3 * N }, (_, i) => i);
  const indices = Int32Array.from({ length: N }, (_, n) => indexOf(n));
  for (let seed = 0; seed < 5; seed++) {
    const key = random.key(seed);
    const graph = drawRows(
      { vectors: np.array(vectors, { shape: [N, 3] }), indices: np.array(indices), key: key.ref },
      count,
    );
    const turns = (await random.uniform(key, [N]).data()) as Float32Array;
    const host = drawOnHost({ vectors, indices, turns }, count);
    const any = await graph.any.data();
    expect(await host.any.data()).toEqual(any);
    const [rows, drawn] = await Promise.all([host.rows.data(), graph.rows.data()]);
    if (any[0]) expect(rows).toEqual(drawn);
  }
});
