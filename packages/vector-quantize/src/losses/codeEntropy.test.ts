import { grad, jit, numpy as np, random, valueAndGrad } from "@jax-js/jax";
import { describe, expect, it } from "vitest";
import { entropiesOverCodes, slopeOverCodes } from "../../../../test/support/codeEntropies.ts";
import { mostJaxBytes } from "../../../../test/support/jaxBuffers.ts";
import { codeEntropies, groupsOf } from "./codeEntropy.ts";
import { codeEntropiesOnKernels } from "./codeEntropyOnKernels.ts";

type Which = "perSample" | "batch";

const ours = (which: Which, floor: number) => (logits: np.Array, weights: np.Array) => {
  const found = codeEntropies(logits, weights, floor);
  return found[which === "perSample" ? "perSample" : "batch"];
};

/** The entropies of `[N, 1, d]` with their gradients, as the kernels give them. */
async function inGraph(x: np.Array, _: undefined, floor: number) {
  const logits = np.squeeze(x, 1);
  const run = (which: Which) =>
    jit(valueAndGrad((x: np.Array) => codeEntropies(x, undefined, floor)[which]));
  const [perSample, byPerSample] = run("perSample")(logits.ref);
  const [batch, byBatch] = run("batch")(logits);
  return { perSample, batch, byPerSample, byBatch };
}

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
    const shares = weights.map((weight) => weight / 4);
    const exact = entropiesOverCodes(logits, shares, floor);
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
        const place = [Math.floor(at / bits), at % bits] as const;
        const slope = slopeOverCodes(which, place, logits, [1 / 3, 1 / 3, 1 / 3], floor);
        // A code that crosses the floor within the difference adds up to its probability.
        expect(Math.abs((gradient[at] as number) - slope), `${which} ${at}`).toBeLessThan(
          1e-4 + floor * 4,
        );
      }
    }
  });
});

describe.each([
  ["in a graph", inGraph],
  ["on the kernels", codeEntropiesOnKernels],
])("%s", (_, find) => {
  const found = async (logits: number[][], floor: number) => {
    const x = device(logits).reshape([logits.length, 1, -1]);
    const { perSample, batch, ...by } = await find(x, undefined, floor);
    const [byPerSample, byBatch] = [await by.byPerSample.data(), await by.byBatch.data()];
    return {
      perSample: (await perSample.data())[0] as number,
      batch: (await batch.data())[0] as number,
      by: { perSample: byPerSample, batch: byBatch },
    };
  };

  it.each([
    [19, 1e-5, 3],
    [20, 0, 0.5],
    [22, 1e-5, 2],
  ])("entropies of %d bits, floor %d, are over all codes", async (bits, floor, scale) => {
    const logits = await rows(3, bits, scale);
    const shares = [1 / 3, 1 / 3, 1 / 3];
    const { by, ...entropies } = await found(logits, floor);
    const exact = entropiesOverCodes(logits, shares, floor);
    for (const which of ["perSample", "batch"] as const) {
      expect(Math.abs(entropies[which] / exact[which] - 1), which).toBeLessThan(5e-6);
      for (const bit of bits < 20 ? [0, 18] : []) {
        const slope = slopeOverCodes(which, [1, bit], logits, shares, floor);
        const gradient = by[which][bits + bit] as number;
        expect(Math.abs(gradient - slope), `${which} ${bit}`).toBeLessThan(1e-4);
      }
    }
  });

  it.each([1e-5, 0])("one bit more adds between 0 and ln 2, with floor %d", async (floor) => {
    const logits = await rows(4, 45, 2);
    const first = (bits: number) =>
      found(
        logits.map((row) => row.slice(0, bits)),
        floor,
      );
    for (const bits of [18, 22, 44]) {
      const [less, more] = [await first(bits), await first(bits + 1)];
      for (const which of ["perSample", "batch"] as const) {
        const added = more[which] - less[which];
        expect(added, `${which} ${bits}`).toBeGreaterThan(-1e-5);
        expect(added, `${which} ${bits}`).toBeLessThan(Math.LN2 + 1e-5);
      }
    }
  });

  it("entropies past 22 bits are added up, and bound the joint one", async () => {
    const logits = await rows(2, 23, 2);
    const shares = [1 / 2, 1 / 2];
    const { batch, perSample } = await found(logits, 0);
    const parts = groupsOf(23).map(([from, to]) =>
      entropiesOverCodes(
        logits.map((row) => row.slice(from, to)),
        shares,
        0,
      ),
    );
    const sum = (which: Which) => parts.reduce((total, part) => total + part[which], 0);
    expect(parts.length).toBe(2);
    expect(batch / sum("batch")).toBeCloseTo(1, 5);
    expect(perSample / sum("perSample")).toBeCloseTo(1, 5);
    const joint = entropiesOverCodes(logits, shares, 0);
    expect(perSample / joint.perSample).toBeCloseTo(1, 5);
    expect(batch - joint.batch).toBeGreaterThan(0);
    expect(batch - joint.batch).toBeLessThan(Math.LN2);
  });
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
  const gradient = jit(
    grad((x: np.Array) => {
      const { perSample, batch } = codeEntropies(x, undefined, 0);
      return perSample.sub(batch);
    }),
  );
  expect(await mostJaxBytes(() => gradient(logits).data())).toBeLessThan(64 * 2 ** 20);
});
