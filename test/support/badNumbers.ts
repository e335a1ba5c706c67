/**
 * What becomes of vectors that hold no usable numbers, and of very large and very small ones: tests
 * for one row of the contract's table.
 */
import { grad, numpy as np, random, tree } from "@jax-js/jax";
import { expect, it } from "vitest";
import { type Layout, positionShape } from "../../packages/vector-quantize/src/layout/layout.ts";
import type {
  ApplyOptions,
  Quantized,
  Quantizer,
} from "../../packages/vector-quantize/src/quantizers/contract.ts";
import { createTrainingPass } from "../../packages/vector-quantize/src/quantizers/trainingPass.ts";
import { leaves, numbers, rowsOf } from "./arrays.ts";

/** What the tests need to know of a configuration. */
interface Row {
  readonly shape: number[];
  /** Whether training draws at random, so that its indices are not the nearest codes'. */
  readonly samples?: boolean;
}

const { NaN: nan, POSITIVE_INFINITY: infinity, NEGATIVE_INFINITY: minusInfinity } = Number;
/** Scales that squares, sums or quotients of float32 do not outlive, and the last denormals. */
const scales = [1e10, 1e14, 1e20, 1e38, 1e-20, 1e-42];

/** What a call found of each vector: all its indices, and all its features. */
interface Seen {
  indices: number[][];
  features: number[][];
}

export function testBadNumbers(quantizer: Quantizer, { shape, samples = false }: Row): void {
  const layout = (quantizer.config.layout ?? "channelLast") as Layout;
  const positions = positionShape(shape, layout);
  const N = positions.reduce((product, size) => product * size, 1);
  const D = quantizer.dim;
  const start = () => quantizer.init(random.key(0));
  const training = (): ApplyOptions => ({ training: true, key: random.key(5) });

  /** Features by vector, `[N, D]`, as an input. */
  const laidOut = (rows: number[][]): np.Array => {
    const last = np.array(new Float32Array(rows.flat()), { shape: [...positions, D] });
    return layout === "channelLast" ? last : np.moveaxis(last, -1, 1);
  };
  const ordinary = async () => rowsOf(await numbers(random.normal(random.key(1), [N, D])), D);

  const look = async ({ quantized, indices, ...rest }: Quantized): Promise<Seen> => {
    const last = layout === "channelLast" ? quantized : np.moveaxis(quantized, 1, -1);
    const width = last.size / N;
    tree.dispose(rest as never);
    return {
      indices: await byVector(indices),
      features: rowsOf(await numbers(last.mul(1)), width),
    };
  };
  /** Indices by vector; those of groups stand one group after another. */
  const byVector = async (indices: np.Array): Promise<number[][]> => {
    const grouped = String(indices.shape.slice(0, positions.length)) !== String(positions);
    const rest = indices.size / N;
    const groups = grouped ? (indices.shape[0] as number) : 1;
    const all = rowsOf(await numbers(indices), rest / groups);
    return Array.from({ length: N }, (_, n) =>
      Array.from({ length: groups }, (_, group) => all[group * N + n] as number[]).flat(),
    );
  };
  /** `seen` at the vectors that are not bad. */
  const others = <T>(all: T[], bad: readonly number[]) => all.filter((_, n) => !bad.includes(n));

  const expectRefused = ({ indices, features }: Seen, bad: readonly number[]) => {
    for (const n of bad) {
      expect(indices[n], `indices of vector ${n}`).toEqual(indices[n]?.map(() => -1));
      expect(features[n], `features of vector ${n}`).toEqual(features[n]?.map(() => nan));
    }
    expect(others(features, bad).flat().every(Number.isFinite)).toBe(true);
    expect(
      others(indices, bad)
        .map((row) => row[0])
        .includes(-1),
    ).toBe(false);
  };

  /** Batches with a bad number in the first, a middle and the last feature, in several, in all. */
  const badBatches = async () => {
    const good = await ordinary();
    const kinds: ((row: number[]) => number[])[] = [];
    for (const value of [nan, infinity, minusInfinity]) {
      for (const at of new Set([0, D >> 1, D - 1])) kinds.push((row) => row.with(at, value));
    }
    kinds.push(
      (row) => row.with(0, infinity).with(D - 1, minusInfinity),
      (row) => row.map(() => nan),
    );
    const most = Math.max(1, Math.min(N - 2, Math.ceil(kinds.length / 2)));
    return Array.from({ length: Math.ceil(kinds.length / most) }, (_, batch) => {
      const own = kinds.slice(batch * most, (batch + 1) * most);
      const bad = own.map((_, at) => N - 1 - at);
      return {
        good,
        bad,
        rows: own.reduce((all, kind, at) => {
          const n = N - 1 - at;
          return all.with(n, kind(all[n] as number[]));
        }, good),
      };
    });
  };
  const maskWithout = (bad: readonly number[]) =>
    np
      .array(new Float32Array(Array.from({ length: N }, (_, n) => Number(!bad.includes(n)))), {
        shape: positions,
      })
      .greater(0);

  it("refuses vectors of NaN and infinity alone, in evaluation", async () => {
    const variables = start();
    const own = () => tree.ref(variables as never) as typeof variables;
    for (const { good, bad, rows } of await badBatches()) {
      const wanted = await look(quantizer.apply(own(), laidOut(good)));
      const found = await look(quantizer.apply(own(), laidOut(rows)));
      expectRefused(found, bad);
      expect(others(found.features, bad)).toEqual(others(wanted.features, bad));
      expect(others(found.indices, bad)).toEqual(others(wanted.indices, bad));
      expect(await byVector(await quantizer.encode(own(), laidOut(rows)))).toEqual(found.indices);
    }
    tree.dispose(variables as never);
  });

  it("refuses them in training, as if they were masked", async () => {
    const variables = start();
    const own = () => tree.ref(variables as never) as typeof variables;
    const [{ good, bad, rows }] = (await badBatches()) as [
      Awaited<ReturnType<typeof badBatches>>[0],
    ];
    const mask = maskWithout(bad);
    const { state: wantedState, ...masked } = quantizer.apply(own(), laidOut(good), {
      ...training(),
      mask: mask.ref,
    });
    const wanted = await look({ ...masked, state: {} });
    const { state, ...out } = quantizer.apply(own(), laidOut(rows), training());
    const found = await look({ ...out, state: {} });
    expectRefused(found, bad);
    expect(others(found.features, bad)).toEqual(others(wanted.features, bad));
    expect(others(found.indices, bad)).toEqual(others(wanted.indices, bad));
    const moved = await leaves(state);
    expect(moved).toEqual(await leaves(wantedState));

    const objective = (x: np.Array) => {
      const { quantized, loss, ...rest } = quantizer.apply(own(), x, training());
      tree.dispose(rest as never);
      const seen = layout === "channelLast" ? quantized : np.moveaxis(quantized, 1, -1);
      const real = np.where(np.expandDims(mask.ref, -1), seen, 0);
      return np.sum(np.square(real)).add(np.sum(loss));
    };
    const gradient = grad(objective)(laidOut(rows));
    const last = layout === "channelLast" ? gradient : np.moveaxis(gradient, 1, -1);
    const slopes = rowsOf(await numbers(last.mul(1)), D);
    expect(others(slopes, bad).flat().every(Number.isFinite)).toBe(true);

    if (quantizer.pass || quantizer.trainsApart) {
      const key = random.key(5);
      const pass = await createTrainingPass(quantizer)(own(), laidOut(rows), { key });
      const { state: passed, ...passOut } = pass.quantized;
      expectRefused(await look({ ...passOut, state: {} }), bad);
      for (const [at, values] of (await leaves(passed)).entries()) {
        for (const [i, value] of values.entries()) {
          expect(value).toBeCloseTo(moved[at]?.[i] as number, 4);
        }
      }
      pass.dispose();
    }

    if (!samples) {
      const indices = await quantizer.encode(own(), laidOut(rows));
      const apart = await quantizer.update(own(), laidOut(rows), indices, { key: random.key(5) });
      expect(await leaves(apart)).toEqual(moved);
    }
    tree.dispose([variables, mask] as never);
  });

  it("keeps a finite state whatever the size of the numbers", async () => {
    const variables = start();
    const params = () => tree.ref(variables.params as never) as typeof variables.params;
    const state = () => tree.ref(variables.state as never) as typeof variables.state;
    // Of a large vector all codes are as far in float32, by which a beam ranks: those are ties.
    const { beamSize = 1, evalBeamSize = beamSize } = quantizer.config;
    const seen = (row: number[]) => (evalBeamSize === 1 ? row : row.map((index) => index === -1));
    const good = await ordinary();
    const large = Array.from({ length: Math.ceil(N / 2) }, (_, at) => at * 2);
    const wanted = await look(quantizer.apply({ params: params(), state: state() }, laidOut(good)));
    for (const scale of scales) {
      const mixed = good.map((row, n) => (n % 2 === 0 ? row.map((value) => value * scale) : row));
      const found = await look(
        quantizer.apply({ params: params(), state: state() }, laidOut(mixed)),
      );
      expect(others(found.indices, large), `${scale}`).toEqual(others(wanted.indices, large));
      const encoded = await quantizer.encode({ params: params(), state: state() }, laidOut(mixed));
      expect((await byVector(encoded)).map(seen), `${scale}`).toEqual(found.indices.map(seen));
      for (const [n, own] of found.indices.entries()) {
        const refused = own[0] === -1;
        expect(found.features[n]?.every(refused ? Number.isNaN : Number.isFinite)).toBe(true);
      }
      for (const rows of [mixed, good.map((row) => row.map((value) => value * scale))]) {
        let moved = state();
        for (let step = 0; step < 2; step++) {
          const variablesNow = { params: params(), state: moved };
          const { state: after, ...rest } = quantizer.apply(
            variablesNow,
            laidOut(rows),
            training(),
          );
          tree.dispose(rest as never);
          moved = after;
        }
        const all = (await leaves(tree.ref(moved as never))).flat();
        expect(all.every(Number.isFinite), `state after vectors of size ${scale}`).toBe(true);
        // And what has been moved so can still be used.
        const again = await look(
          quantizer.apply({ params: params(), state: moved }, laidOut(good)),
        );
        expect(again.features.flat().every(Number.isFinite), `${scale}`).toBe(true);
      }
    }
    tree.dispose(variables as never);
  });
}
