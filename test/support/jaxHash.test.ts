import { execFileSync } from "node:child_process";
import { jit, makeJaxpr, numpy as np } from "@jax-js/jax";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Hasher, updateOf } from "./jaxHash.ts";
import { root } from "./paths.ts";

/** The hashes of some graphs. Also run as text in a process of its own: uses nothing from outside. */
function hashes(make: typeof makeJaxpr, array: typeof np): string[] {
  return [1, 7, 300].map((size) => {
    const graph = (x: np.Array) => array.exp(x.mul(1.7 * size).sub(-3)).sum();
    return String(make(graph)(array.zeros([size, 2])).jaxpr.jaxpr.getHash());
  });
}

test("graphs have the hashes that jax-js gives them by itself", () => {
  jit((x: np.Array) => x.add(1))(np.zeros([2])).dispose(); // from now on
  const program = `
    import { makeJaxpr, numpy } from "@jax-js/jax";
    console.log(JSON.stringify((${hashes})(makeJaxpr, numpy)));
  `;
  const args = ["--input-type=module", "--eval", program];
  const alone = execFileSync(process.execPath, args, { cwd: root, encoding: "utf8" });
  expect(hashes(makeJaxpr, np)).toEqual(JSON.parse(alone));
});

test("any text has the hash of big integers, from any value before", () => {
  const update = updateOf(() => expect.fail("a text was left to jax-js"));
  const value = fc.bigInt({ min: 0n, max: 3189051996290218n });
  fc.assert(
    fc.property(value, fc.string({ unit: "binary" }), (before, text) => {
      const hasher: Hasher = { value: before, update };
      let expected = before;
      for (const x of [text.length, ...Array.from(text.split(""), (c) => 199 + c.charCodeAt(0))]) {
        expected = (expected * 873192869n + BigInt(x)) % 3189051996290219n;
      }
      expect(hasher.update(text).value).toBe(expected);
    }),
    { numRuns: 2000 },
  );
});

test("so have sizes and hashes; what is neither is left to jax-js", () => {
  const left: unknown[] = [];
  const update = updateOf(function (this: Hasher, x) {
    left.push(x);
    return this;
  });
  const value = fc.bigInt({ min: 0n, max: 3189051996290218n });
  const size = fc.integer({ min: 0, max: 2 ** 31 - 1 });
  fc.assert(
    fc.property(value, fc.oneof(size, value), (before, x) => {
      const turned = typeof x === "number" ? 68265653n ^ BigInt(x) : x ^ 71657401n;
      const expected = (before * 873192869n + turned) % 3189051996290219n;
      expect(({ value: before, update } as Hasher).update(x).value).toBe(expected);
    }),
    { numRuns: 2000 },
  );
  expect(left).toEqual([]);
  const others = [-1, 0.5, 2 ** 31, Number.NaN, -1n, 3189051996290219n, true, null, undefined];
  for (const x of others) (({ value: 1n, update }) as Hasher).update(x);
  expect(left).toEqual(others);
});
