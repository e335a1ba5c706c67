import { numpy as np, tree } from "@jax-js/jax";
import { describe, expect, test } from "vitest";
import type { HostTensor } from "./dtypes.ts";
import { toDevice, toHost } from "./safetensors.ts";
import { flattenTree, unflattenTree } from "./treeNames.ts";

const model = () => ({
  params: {
    encoder: [{ weight: np.ones([2, 3]), bias: np.zeros([3]) }, {}],
    quantizer: {},
  },
  key: np.array(new Uint32Array([1, 2])),
});

const names = ["params.encoder.0.weight", "params.encoder.0.bias", "key"];

async function tensorsOf(arrays: Record<string, np.Array>): Promise<Record<string, HostTensor>> {
  return toHost(arrays);
}

test("a tree gets names by its paths and comes back in its structure", async () => {
  const flat = flattenTree(model());
  expect(Object.keys(flat)).toEqual(names);
  const template = model();
  const restored = unflattenTree(template, await tensorsOf(flat), toDevice, "x");
  expect(restored.params.encoder[0]?.weight?.ref.js()).toEqual([
    [1, 1, 1],
    [1, 1, 1],
  ]);
  expect(restored.params.encoder[1]).toEqual({});
  expect(restored.params.quantizer).toEqual({});
  expect(restored.key.dtype).toBe("uint32");
  expect(template.key.refCount).toBe(1);
  tree.dispose([template, restored] as never);
});

describe("what doesn't fit is an error before any array is made", () => {
  const cases: [string, (tensors: Record<string, HostTensor>) => void, string][] = [
    ["missing", (t) => delete t.key, 'x: tensor "key": expected one, got none'],
    [
      "left over",
      (t) => {
        t.more = t.key as HostTensor;
      },
      'x: tensor "more": expected none of this name for this configuration, got one',
    ],
    [
      "of another shape",
      (t) => {
        t["params.encoder.0.bias"] = { dtype: "float32", shape: [4], data: new Float32Array(4) };
      },
      'x: tensor "params.encoder.0.bias": expected shape [3], got [4]',
    ],
    [
      "of another type",
      (t) => {
        t.key = { dtype: "int32", shape: [2], data: new Int32Array(2) };
      },
      'x: tensor "key": expected dtype uint32, got "int32"',
    ],
  ];
  test.each(cases)("%s", async (_, damage, message) => {
    const tensors = await tensorsOf(flattenTree(model()));
    damage(tensors);
    const template = model();
    const create = () => {
      throw new Error("an array was made");
    };
    expect(() => unflattenTree(template, tensors, create, "x")).toThrow(message);
    tree.dispose(template as never);
  });
});

test.each([
  [{ a: [1] }, "checkpoint: a.0: expected a tree of arrays, got 1"],
  [{ a: null }, "checkpoint: a: expected a tree of arrays, got null"],
  ["x", 'checkpoint: expected a tree of arrays, got "x"'],
])("%j is no tree of arrays", (tree, message) => {
  expect(() => flattenTree(tree as never)).toThrow(message);
});

test("a key with a dot is refused", () => {
  const array = np.zeros([1]);
  expect(() => flattenTree({ "a.b": array })).toThrow(
    'name of an array: expected one without a dot, got "a.b"',
  );
  array.dispose();
});
