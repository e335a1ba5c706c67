import { grad, jit, numpy as np } from "@jax-js/jax";
import { expect, it } from "vitest";
import { accurateLog, accurateLog1p, logSigmoid } from "./logarithm.ts";

it.each([
  ["accurateLog", accurateLog, Math.log, 1e-6, 1e4, (x: number) => 1 / x],
  ["accurateLog1p", accurateLog1p, Math.log1p, 1e-7, 10, (x: number) => 1 / (1 + x)],
  [
    "logSigmoid",
    logSigmoid,
    (x: number) => Math.min(x, 0) - Math.log1p(Math.exp(-Math.abs(x))),
    1e-3,
    80,
    (x: number) => 1 / (1 + Math.exp(x)),
  ],
] as const)(
  "%s is right to float32, as is its gradient",
  async (name, ours, exact, low, high, by) => {
    const steps = 20_000;
    const positive = Float32Array.from(
      { length: steps },
      (_, at) => low * (high / low) ** (at / steps),
    );
    const values =
      name === "logSigmoid" ? [...positive, ...positive.map((x) => -x)] : [...positive];
    const x = np.array(new Float32Array(values));
    const found = await jit(ours)(x.ref).data();
    const gradient = await jit(grad((v: np.Array) => np.sum(ours(v))))(x).data();
    for (const [at, value] of values.entries()) {
      const scale = Math.max(1, Math.abs(exact(value)));
      expect(Math.abs((found[at] as number) - exact(value)) / scale).toBeLessThan(4e-7);
      expect(Math.abs((gradient[at] as number) - by(value)) / by(value)).toBeLessThan(1e-5);
    }
  },
);
