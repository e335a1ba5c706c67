/** Models that earlier versions saved: they load, and give what they gave. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { numpy as np, tree } from "@jax-js/jax";
import { loadModel } from "vector-quantize/nn";
import { describe, expect, test } from "vitest";
import { root } from "../support/paths.ts";

const folder = join(root, "test/golden");
const versions = readdirSync(folder).filter((name) => /^\d/.test(name));
const FEATURES = 6;
const ROWS = 12;
// As in `make.mjs`.
const input = Float32Array.from({ length: ROWS * FEATURES }, (_, at) => Math.sin(at * at));

interface Expected {
  readonly indices: readonly number[];
  readonly decoded: readonly number[];
}

describe.each(versions)("models saved by %s", (version) => {
  const expected: Record<string, Expected> = JSON.parse(
    readFileSync(join(folder, version, "expected.json"), "utf8"),
  );

  test("all are there", () => {
    const files = readdirSync(join(folder, version)).filter((file) =>
      file.endsWith(".safetensors"),
    );
    expect(files.map((file) => file.replace(".safetensors", "")).sort()).toEqual(
      Object.keys(expected).sort(),
    );
    expect(files.length).toBeGreaterThan(0);
  });

  test.for(Object.entries(expected))("%s", async ([name, { indices, decoded }]) => {
    const file = readFileSync(join(folder, version, `${name}.safetensors`));
    const { model, variables } = loadModel(file);
    const { quantizer } = model;
    const x = np.array(input, { shape: [ROWS, FEATURES] });
    const vectors = model.encoder(tree.ref(variables.params.encoder) as never, x);
    const own = () =>
      tree.ref({ params: variables.params.quantizer, state: variables.state }) as never;
    const found = await quantizer.encode(own(), vectors);
    expect([...(await found.ref.data())]).toEqual(indices);
    const output = [...(await quantizer.decode(own(), found).data())] as number[];
    for (const [at, value] of output.entries()) expect(value).toBeCloseTo(decoded[at]!, 5);
    expect(output.length).toBe(decoded.length);
    tree.dispose(variables as never);
  });
});
