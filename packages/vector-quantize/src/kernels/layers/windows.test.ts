import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { layersKernels } from "../engine/binaries/layers.ts";
import { createPool } from "../engine/createPool.ts";
import { supports } from "../engine/kernelModule.ts";
import { sizeOf } from "./layerPlan.ts";
import { poolByDefinition } from "./windows.reference.ts";
import { planWindows, type WindowsWork } from "./windows.ts";
import { Workspace } from "./workspace.ts";

const pools = [1, 3].map((threads) => createPool({ threads }));
afterAll(() => {
  for (const pool of pools) pool.dispose();
});

/** Windows with room for one, and pixels that are in none; shares that are exact. */
const axis = fc.record({
  window: fc.constantFrom(1, 2, 3, 4),
  stride: fc.integer({ min: 1, max: 5 }),
  more: fc.integer({ min: 0, max: 9 }),
});
const cases = fc
  .record({
    name: fc.constantFrom("maxPool" as const, "avgPool" as const),
    axes: fc.tuple(axis, axis),
    batch: fc.integer({ min: 1, max: 3 }),
    channels: fc.integer({ min: 1, max: 9 }),
    bad: fc.boolean(),
    seed: fc.nat(),
  })
  .map(({ name, axes, batch, channels, ...rest }) => {
    const [window, stride, sides, counts] = [
      axes.map((each) => each.window),
      axes.map((each) => each.stride),
      axes.map((each) => each.window + each.more),
      axes.map((each) => Math.floor(each.more / each.stride) + 1),
    ] as [number, number][] as [[number, number], [number, number], number[], number[]];
    const inputShape = [batch, ...sides, channels];
    const outputShape = [batch, ...counts, channels];
    const work: WindowsWork = { kind: "windows", name, inputShape, outputShape, window, stride };
    return { work, ...rest };
  });

/** Multiples of 144 with ties among them, so that sums of shares are exact; NaN here and there. */
function multiples(length: number, seed: number, bad: boolean): Float32Array<ArrayBuffer> {
  let state = seed | 0;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    const value = ((state >>> 24) % 9) - 4;
    return bad && value === 2 ? Number.NaN : 144 * value;
  });
}

const forms = (["relaxed", "plain"] as const).filter((form) => supports(form));

describe.each(forms)("%s kernels", (form) => {
  test("pools with a stride give what the definition gives, forward and back", async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ({ work: given, bad, seed }) => {
        const [inputs, outputs] = [sizeOf(given.inputShape), sizeOf(given.outputShape)];
        const x = multiples(inputs, seed, bad);
        const by = multiples(outputs, seed + 1, false);
        const wanted = poolByDefinition(given, x, by);
        for (const pool of pools) {
          const work = new Workspace(pool, await pool.load(layersKernels, form));
          const plan = planWindows(given);
          const found = await pool.exclusive(async () => {
            const input = work.copyOf(x);
            const { y, kept } = await plan.forward(work, {}, input, { training: true });
            const output = work.floats(y, outputs).slice();
            const dy = work.copyOf(by);
            const call = { params: {}, gradients: {}, kept, dy, wantsInput: true };
            const dx = await plan.backward(work, call);
            return { y: output, dx: work.floats(dx, inputs).slice() };
          });
          work.free();
          expect(found).toEqual(wanted);
        }
      }),
      { numRuns: 150 },
    );
  });
});
