import { numpy as np, random, tree } from "@jax-js/jax";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { conv2d } from "./conv2d.ts";
import { convTranspose2d } from "./convTranspose2d.ts";
import type { Layer } from "./layer.ts";
import { layerRunner } from "./runLayers.ts";

const numbers = async (x: np.Array) => [...(await x.data())] as number[];

describe("causal convolutions of images", () => {
  const axisOf = (kernel: fc.Arbitrary<number>) =>
    fc.record({
      kernelSize: kernel,
      stride: fc.integer({ min: 1, max: 3 }),
      dilation: fc.integer({ min: 1, max: 2 }),
    });
  const cases = fc.record({
    axes: fc.tuple(axisOf(fc.integer({ min: 1, max: 4 })), axisOf(fc.constantFrom(1, 3, 5))),
    channels: fc.constantFrom(1, 3, 8),
    transposed: fc.boolean(),
    known: fc.integer({ min: 1, max: 7 }),
  });
  type Case = typeof cases extends fc.Arbitrary<infer Value> ? Value : never;

  const three = { kernelSize: 3, stride: 1, dilation: 1 };
  /** What the kernels would do in tiles of several rows. */
  const threeByThree = [1, 2, 3, 5, 6, 7].flatMap((known) =>
    [false, true].map((transposed): [Case] => [
      { axes: [three, three], channels: 8, transposed, known },
    ]),
  );

  test("row t sees no row after t stride, in a graph and on the kernels", async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ({ axes, channels, transposed, known }) => {
        const both = (name: "kernelSize" | "stride" | "dilation") =>
          [axes[0][name], axes[1][name]] as const;
        const options = {
          ...{ inChannels: channels, outChannels: channels, padding: "causal" as const },
          ...{ kernelSize: both("kernelSize"), stride: both("stride"), dilation: both("dilation") },
        };
        const layer = (transposed ? convTranspose2d : conv2d)(options) as Layer;
        const params = layer.init(random.key(0));
        const shape = [1, 8, 7, channels];
        const x = (await random.normal(random.key(1), shape).data()) as Float32Array<ArrayBuffer>;
        const cut = x.slice().fill(Number.NaN, known * 7 * channels);
        const run = layerRunner([layer]);
        const ways = {
          graph: (input: np.Array) => layer.apply(tree.ref(params as never), input),
          kernels: (input: np.Array) => run([tree.ref(params as never)], input, [{}]),
        };
        const [down, across] = both("stride");
        const counts = transposed
          ? [8 * down, 7 * across]
          : [Math.ceil(8 / down), Math.ceil(7 / across)];
        const seen = transposed ? known * down : Math.ceil(known / down);
        for (const way of Object.values(ways)) {
          const [whole, part] = await Promise.all(
            [x, cut].map((data) => way(np.array(data, { shape }))),
          );
          expect(whole!.shape).toEqual([1, ...counts, channels]);
          const first = seen * counts[1]! * channels;
          const [wanted, found] = [await numbers(whole!), await numbers(part!)];
          expect(found.slice(0, first)).toEqual(wanted.slice(0, first));
        }
        tree.dispose(params as never);
      }),
      { numRuns: 25 + threeByThree.length, examples: threeByThree },
    );
  });

  test("are convolutions of what has zeros above, and half of them on both sides", async () => {
    const options = {
      inChannels: 2,
      outChannels: 3,
      kernelSize: [4, 3],
      dilation: [2, 1],
    } as const;
    const layer = conv2d({ ...options, padding: "causal" });
    const params = layer.init(random.key(0));
    const x = random.normal(random.key(1), [2, 5, 6, 2]);
    const zeros: [number, number][] = [
      [0, 0],
      [6, 0],
      [1, 1],
      [0, 0],
    ];
    const wanted = conv2d({ ...options, padding: "valid" }).apply(
      tree.ref(params),
      np.pad(x.ref, zeros),
    );
    expect(await numbers(layer.apply(params, x))).toEqual(await numbers(wanted));
  });
});
