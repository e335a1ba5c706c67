import { createRequire } from "node:module";
import { jit, numpy as np, random } from "@jax-js/jax";
import { describe, expect, test } from "vitest";
import { checkJaxCopy } from "./jaxCopies.ts";
import { fsq } from "./quantizers/fsq.ts";

describe("an array of another copy of jax-js", () => {
  const other = createRequire(import.meta.url)("@jax-js/jax") as typeof import("@jax-js/jax");

  test("is an error that names the mend", () => {
    const x = other.numpy.zeros([2, 3]);
    expect(() => checkJaxCopy("fsq.encode: x", x)).toThrow(
      "fsq.encode: x: expected an array of the jax-js that vector-quantize imports, got one of " +
        "another copy. Load @jax-js/jax by `import`, not by `require`, and in one version: npm ls",
    );
    x.dispose();
  });

  test("is refused by a quantizer, among its variables too", async () => {
    const quantizer = fsq({ levels: [3, 3], dim: 3 });
    const variables = quantizer.init(random.key(0));
    const x = other.numpy.zeros([2, 3]) as unknown as np.Array;
    expect(() => quantizer.apply(variables, x)).toThrow("fsq.apply: x: expected an array of the");
    const theirs = { params: { projectIn: { weight: x } }, state: {} };
    await expect(quantizer.encode(theirs as never, np.zeros([2, 3]))).rejects.toThrow(
      "fsq.encode: variables.params.projectIn.weight: expected an array of the jax-js",
    );
    x.dispose();
  });

  test("is one under its own jit, too", () => {
    const run = other.jit((x: np.Array) => {
      checkJaxCopy("x", x);
      return x;
    });
    expect(() => run(other.numpy.zeros([2]) as never)).toThrow("another copy");
  });
});

test("our own arrays and tracers pass, and so does what is no array", () => {
  const run = jit((x: np.Array) => {
    checkJaxCopy("x", x);
    return x;
  });
  const x = run(np.zeros([2]));
  for (const value of [x, undefined, null, 1, "text", [1], { shape: [2] }, new Float32Array(2)]) {
    expect(() => checkJaxCopy("x", value)).not.toThrow();
  }
  x.dispose();
});
