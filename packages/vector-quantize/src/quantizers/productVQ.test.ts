import { numpy as np, random, tree, valueAndGrad } from "@jax-js/jax";
import { describe, expect, it } from "vitest";
import { type ContractRow, holdsContract } from "../../../../test/support/contract.ts";
import { withoutKernels } from "../../../../test/support/kernelPools.ts";
import { createCodeSearch, fitProductCodes, productCodes } from "../entrances/search.ts";
import type { PartQuantizer } from "../kernels/scan/productCodes.ts";
import { type ProductVQOptions, productVQ } from "./productVQ.ts";

const base: ProductVQOptions = { dim: 6, parts: 3, codebookSize: 8 };
const row = (
  name: string,
  options: Partial<ProductVQOptions> = {},
  shape = [3, 5, 6],
): ContractRow => ({
  name: `productVQ, ${name}`,
  make: () => productVQ({ ...base, ...options }),
  shape,
  moves: false,
});

holdsContract([
  row("plain"),
  row("one part", { parts: 1 }),
  row("a part for each feature, one code", { parts: 6, codebookSize: 1 }, [7, 6]),
  row("rotated", { rotation: "learned" }),
  row("rotated image", { rotation: "learned", layout: "image" }, [2, 6, 3, 4]),
  row("channel first", { layout: "channelFirst", parts: 2 }, [2, 6, 5]),
]);

/** Vectors whose features go together, so that a rotation pays. */
function vectors(rows: number, dim: number): Float32Array<ArrayBuffer> {
  const values = new Float32Array(rows * dim);
  for (let n = 0; n < rows; n++) {
    const common = Math.sin(n * n);
    for (let i = 0; i < dim; i++) {
      values[n * dim + i] = 3 * common * Math.cos(i) + Math.sin((n + 1) * (i + 7) ** 2);
    }
  }
  return values;
}

const [N, dim, parts] = [600, 12, 4];
const values = vectors(N, dim);
const x = () => np.array(values, { shape: [N, dim] });
const quiet = { warn: () => {} };

async function fitted(options: Partial<ProductVQOptions> = {}, key = random.key(3)) {
  const quantizer = productVQ({ dim, parts, ...options });
  const variables = await quantizer.fit(quantizer.init(random.key(0)), x(), { key, ...quiet });
  return { quantizer, variables };
}

const meanSquare = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0) / a.length;

describe("fit", () => {
  it.each([
    ["none", 16],
    ["learned", 16],
    ["none", 200],
  ] as const)(
    "gives the codes of fitProductCodes: rotation %s, %d codes",
    async (rotation, codebookSize) => {
      const { quantizer, variables } = await fitted({ rotation, codebookSize });
      const [seed] = (await random.bits(random.key(3), [1]).data()) as Uint32Array;
      const options = { dim, parts, codebookSize, rotation, seed: seed! };
      const made = (await fitProductCodes(values, options)) as PartQuantizer;
      const { codebooks, rotation: learned } = variables.state;
      expect(await codebooks.ref.data()).toEqual(made.settings.codebooks);
      expect(await learned?.ref.data()).toEqual(made.settings.rotation);
      const codes = await (await quantizer.encode(variables, x())).data();
      const bytes = await made.encode(values);
      const own = Int32Array.from(codes, (_, i) => {
        if (codebookSize > 16) return bytes[i]!;
        const [n, m] = [Math.floor(i / parts), i % parts];
        return (bytes[n * made.bytes + (m >> 1)]! >> (4 * (m & 1))) & 15;
      });
      expect(codes).toEqual(own);
    },
  );

  it("makes a search that finds vectors by the codes of encode", async () => {
    const { quantizer, variables } = await fitted({ rotation: "learned", codebookSize: 64 });
    const { codebooks, rotation } = variables.state;
    const codes = await (await quantizer.encode(tree.ref(variables), x())).data();
    const coder = productCodes({
      ...{ dim, parts },
      codebooks: (await codebooks.data()) as Float32Array,
      rotation: (await rotation!.data()) as Float32Array,
    });
    const search = await createCodeSearch(Uint8Array.from(codes), coder);
    const { ids } = await search.nearest(values.subarray(0, 40 * dim), { k: 1 });
    search.dispose();
    const right = Array.from(ids).filter((id, n) => id === n).length;
    expect(right).toBeGreaterThan(36);
  });

  it("learns a rotation that lowers the error, and turns back what it decodes", async () => {
    const errors: number[] = [];
    for (const rotation of ["none", "learned"] as const) {
      const { quantizer, variables } = await fitted({ rotation });
      const codes = await quantizer.encode(tree.ref(variables), x());
      const decoded = await quantizer.decode(variables, codes).data();
      errors.push(meanSquare(decoded, values));
    }
    const [none, learned] = errors as [number, number];
    expect(learned).toBeLessThan(0.8 * none);
  });

  it("takes the vectors that count, of any layout", async () => {
    const sequences = values.slice(0, 360 * dim);
    const given = () => np.array(sequences, { shape: [6, 60, dim] });
    const few = () => np.array(sequences.slice(0, 120 * dim), { shape: [2, 60, dim] });
    const lengths = np.array(Int32Array.of(60, 60, 0, 0, 0, 0));
    const quantizer = productVQ({ dim, parts });
    const start = () => quantizer.init(random.key(0));
    const masked = await quantizer.fit(start(), given(), { lengths, ...quiet });
    const alone = await quantizer.fit(start(), few(), quiet);
    const books = await alone.state.codebooks.data();
    expect(await masked.state.codebooks.data()).toEqual(books);
    const first = productVQ({ dim, parts, layout: "channelFirst" });
    const turned = await first.fit(first.init(random.key(0)), np.moveaxis(few(), 2, 1), quiet);
    expect(await turned.state.codebooks.data()).toEqual(books);
    const bad = sequences.slice(0, 121 * dim);
    bad[120 * dim] = Number.NaN;
    const without = await quantizer.fit(start(), np.array(bad, { shape: [121, dim] }), quiet);
    expect(await without.state.codebooks.data()).toEqual(books);
  });

  it("wants as many vectors as codes, and says when there are few", async () => {
    const quantizer = productVQ({ dim, parts, codebookSize: 601 });
    const asked = quantizer.fit(quantizer.init(random.key(0)), x());
    await expect(asked).rejects.toThrow(
      "fit: expected at least 601 vectors for 601 codes, got 600. Give a larger sample",
    );
    const told: string[] = [];
    const other = productVQ({ dim, parts });
    const start = other.init(random.key(0));
    const warn = (message: string) => told.push(message);
    tree.dispose(await other.fit(start, x(), { iterations: 1, warn }));
    expect(told).toEqual(["fit: 600 vectors for 16 codes; 624 or more give better codes"]);
  });

  it("does the same without kernels", async () => {
    const run = async () => {
      const { quantizer, variables } = await fitted({ rotation: "learned", codebookSize: 4 });
      const books = await variables.state.codebooks.ref.data();
      return [books, await (await quantizer.encode(variables, x())).data()];
    };
    expect(await withoutKernels(run)).toEqual(await run());
  });
});

describe("training", () => {
  it("leaves the codes, passes gradients straight through and draws the input to its codes", async () => {
    const { quantizer, variables } = await fitted({ rotation: "learned" });
    const weights = random.normal(random.key(8), [N, dim]);
    const loss = (at: np.Array, commits: number) => {
      const out = quantizer.apply(tree.ref(variables), at, { training: true });
      tree.dispose([out.indices, out.losses, out.state]);
      return np.sum(out.quantized.mul(weights.ref)).add(out.loss.mul(commits));
    };
    const plain = valueAndGrad((at: np.Array) => loss(at, 0))(x())[1];
    expect(await plain.data()).toEqual(await weights.ref.data());
    const whole = valueAndGrad((at: np.Array) => loss(at, 1))(x())[1];
    const codes = await quantizer.encode(tree.ref(variables), x());
    const decoded = await quantizer.decode(tree.ref(variables), codes).data();
    const [given, drawn] = [await weights.data(), await whole.data()];
    for (const [i, value] of drawn.entries()) {
      expect(value).toBeCloseTo(given[i]! + (2 * (values[i]! - decoded[i]!)) / values.length, 5);
    }
    const { losses, loss: own, ...rest } = quantizer.apply(variables, x(), { training: true });
    const [commitment] = await losses.commitment!.data();
    expect(commitment).toBeCloseTo(meanSquare(values, decoded), 5);
    expect(await own.data()).toEqual(Float32Array.of(commitment!));
    tree.dispose(rest as never);
  });
});

it.each([
  [{ dim: 6, parts: 4 }, "productVQ: parts: expected a divisor of dim 6, got 4"],
  [{ dim: 6, parts: 0 }, "productVQ: parts: expected an integer of at least 1, got 0"],
  [{ dim: 6, parts: 2, rotation: "random" }, 'productVQ: rotation: expected one of "none"'],
  [{ dim: 2 ** 16, parts: 16, rotation: "learned" }, "productVQ: rotation: expected at most"],
  [{ dim: 2 ** 20, parts: 2, codebookSize: 2 ** 20 }, "productVQ: codebooks: expected at most"],
])("%j is an error", (options, message) => {
  expect(() => productVQ(options as never)).toThrow(message);
});
