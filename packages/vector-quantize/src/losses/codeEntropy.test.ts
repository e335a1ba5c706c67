import { grad, jit, numpy as np, random } from "@jax-js/jax";
import { describe, expect, it } from "vitest";
import { jaxMemoryBytes } from "../../../../test/support/captureMemory.ts";
import { codeEntropies } from "./codeEntropy.ts";

type Which = "perSample" | "batch";

/** The entropies by their definition, over every code, in float64. */
function expected(logits: number[][], weights: number[], floor: number) {
  const d = logits[0]?.length ?? 0;
  const total = weights.reduce((a, b) => a + b, 0);
  const mean = new Float64Array(2 ** d);
  const surprise = (p: number) => (p > 0 ? -p * Math.log(Math.max(p, floor)) : 0);
  let perSample = 0;
  for (const [n, row] of logits.entries()) {
    const share = (weights[n] as number) / total;
    for (let code = 0; code < 2 ** d; code++) {
      let p = 1;
      for (let bit = 0; bit < d; bit++) {
        const l = row[bit] as number;
        p /= 1 + Math.exp((code >> (d - 1 - bit)) & 1 ? -l : l);
      }
      mean[code] = (mean[code] as number) + share * p;
      perSample += share * surprise(p);
    }
  }
  return { perSample, batch: mean.reduce((sum, q) => sum + surprise(q), 0) };
}

const ours = (which: Which, floor: number) => (logits: np.Array, weights: np.Array) => {
  const found = codeEntropies(logits, weights, floor);
  return found[which === "perSample" ? "perSample" : "batch"];
};

const rows = async (N: number, d: number, scale: number) => {
  const flat = (await random
    .normal(random.key(N + d), [N, d])
    .mul(scale)
    .data()) as Float32Array;
  return Array.from({ length: N }, (_, n) => [...flat.slice(n * d, n * d + d)]);
};
const device = (values: number[][]) =>
  np.array(new Float32Array(values.flat()), { shape: [values.length, values[0]?.length ?? 0] });

describe.each([
  [1, 1e-5],
  [2, 1e-5],
  [5, 1e-5],
  [10, 1e-5],
  [11, 1e-3],
  [12, 0],
])("entropies of %d bits, floor %d", (bits, floor) => {
  it.each([0.2, 1, 4, 40])("are those over all codes, for logits of size %d", async (scale) => {
    const logits = await rows(6, bits, scale);
    const weights = [1, 0, 1, 1, 0, 1];
    const exact = expected(logits, weights, floor);
    for (const which of ["perSample", "batch"] as const) {
      const value = jit(ours(which, floor))(device(logits), np.array(weights));
      const gap = Math.abs(((await value.data())[0] as number) - exact[which]);
      expect(gap, which).toBeLessThan(1e-5 * Math.max(1, exact[which]));
    }
  });

  it("have the gradient of finite differences", async () => {
    const logits = await rows(3, bits, 1);
    const weights = [1, 1, 1];
    for (const which of ["perSample", "batch"] as const) {
      const gradient = await jit(grad(ours(which, floor)))(
        device(logits),
        np.array(weights),
      ).data();
      for (let at = 0; at < 3 * bits; at++) {
        const moved = (by: number) => {
          const copy = logits.map((row) => [...row]);
          const row = copy[Math.floor(at / bits)] as number[];
          row[at % bits] = (row[at % bits] as number) + by;
          return expected(copy, weights, floor)[which];
        };
        const slope = (moved(1e-4) - moved(-1e-4)) / 2e-4;
        // A code that crosses the floor within the difference adds up to its probability.
        expect(Math.abs((gradient[at] as number) - slope), `${which} ${at}`).toBeLessThan(
          1e-4 + floor * 4,
        );
      }
    }
  });
});

it("are the same from small tables as from half-tables", async () => {
  const bits = 11;
  const logits = random.normal(random.key(0), [2 ** 15, bits]); // half-tables of 2^21 entries
  for (const floor of [1e-5, 0]) {
    const whole = jit((x: np.Array) => {
      const { perSample, batch } = codeEntropies(x, undefined, floor);
      return np.concatenate([perSample.reshape([1]), batch.reshape([1])]);
    });
    const all = await whole(logits.ref).data();
    const half = await whole(logits.ref.slice([0, 2 ** 14])).data();
    const rest = await whole(logits.ref.slice([2 ** 14, 2 ** 15])).data();
    const mean = ((half[0] as number) + (rest[0] as number)) / 2;
    expect(all[0]).toBeCloseTo(mean, 4);
    // Both halves draw from one distribution, of nearly the whole entropy.
    expect(Math.abs((all[1] as number) - (half[1] as number))).toBeLessThan(0.03);
  }
  logits.dispose();
});

it("of more than 18 bits are added up over groups", async () => {
  const logits = await rows(4, 20, 1);
  const halves = [0, 10].map((from) => logits.map((row) => row.slice(from, from + 10)));
  const parts = halves.map((half) => expected(half, [1, 1, 1, 1], 0));
  for (const which of ["perSample", "batch"] as const) {
    const value = await ours(which, 0)(device(logits), np.ones([4])).data();
    expect(value[0]).toBeCloseTo((parts[0]?.[which] ?? 0) + (parts[1]?.[which] ?? 0), 4);
  }
});

it("are 0 where no vector counts", async () => {
  for (const which of ["perSample", "batch"] as const) {
    const value = ours(which, 1e-5)(random.normal(random.key(0), [4, 3]), np.zeros([4]));
    expect((await value.data())[0]).toBeCloseTo(0, 6);
  }
});

it("of 2^14 codes take under 64 MB for 16384 vectors, with their gradients", async () => {
  const logits = random.normal(random.key(0), [16384, 14]);
  await logits.ref.data();
  const before = jaxMemoryBytes();
  const gradient = jit(
    grad((x: np.Array) => {
      const { perSample, batch } = codeEntropies(x, undefined, 0);
      return perSample.sub(batch);
    }),
  );
  await gradient(logits).data();
  expect(jaxMemoryBytes() - before).toBeLessThan(64 * 2 ** 20);
});
