import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { layersKernels } from "../engine/binaries/layers.ts";
import { createPool } from "../engine/createPool.ts";
import { supports } from "../engine/kernelModule.ts";
import { eachProduct } from "./convolution.reference.ts";
import { planConvolution } from "./convolution.ts";
import type { ConvolutionAxis, ConvolutionShape } from "./convolutionShape.ts";
import { sizeOf } from "./layerPlan.ts";
import { planWinograd } from "./winograd.ts";
import { Workspace } from "./workspace.ts";

const pool = createPool({ threads: 2 });
afterAll(() => pool.dispose());

/** Small whole numbers, on which sums in float32 are exact; Winograd's of enlarged images too. */
function whole(length: number, seed: number): Float32Array<ArrayBuffer> {
  let state = seed * 2654435761 + 1;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return ((state >>> 24) % 9) - 4;
  });
}

interface Case {
  readonly shape: ConvolutionShape;
  readonly batch: number;
  readonly transposed: boolean;
  readonly bias: boolean;
}

/** Forward and back on the kernels. */
async function onKernels({ shape, batch, transposed, bias }: Case, form: "relaxed" | "plain") {
  const { height, width, inChannels, outChannels } = shape;
  const input = [batch, height.input, width.input, inChannels];
  const output = [batch, height.output, width.output, outChannels];
  const [inputShape, outputShape] = transposed ? [output, input] : [input, output];
  const plan = planConvolution({
    kind: "convolution",
    batch,
    shape,
    transposed,
    bias,
    inputShape,
    outputShape,
  });
  const outputs = outputShape[3] as number;
  const weights = (height.kernel * width.kernel * inChannels * outChannels) / shape.groups;
  const numbers = {
    x: whole(sizeOf(inputShape), 1),
    weight: whole(weights, 2),
    bias: bias ? whole(outputs, 3) : new Float32Array(outputs),
    dy: whole(sizeOf(outputShape), 4),
  };
  const kernels = await pool.load(layersKernels, form);
  const found = await pool.exclusive(async () => {
    const work = new Workspace(pool, kernels);
    try {
      const params = { weight: work.copyOf(numbers.weight), bias: work.copyOf(numbers.bias) };
      const gradients = {
        weight: work.copyOf(new Float32Array(weights)),
        bias: work.copyOf(new Float32Array(outputs)),
      };
      const x = work.copyOf(numbers.x);
      const { y, kept } = await plan.forward(work, params, x, { training: true });
      const dy = work.copyOf(numbers.dy);
      const values = work.floats(y, sizeOf(outputShape)).slice();
      const dx = await plan.backward(work, { params, gradients, kept, dy, wantsInput: true });
      return {
        y: values,
        dx: work.floats(dx, sizeOf(inputShape)).slice(),
        dw: work.floats(gradients.weight, weights).slice(),
        db: work.floats(gradients.bias, outputs).slice(),
      };
    } finally {
      work.free();
    }
  });
  expect(pool.memory.used).toBeLessThan(2 ** 24);
  return { numbers, found };
}

function byDefinition(
  { shape, batch, transposed, bias }: Case,
  numbers: Record<string, Float32Array>,
) {
  const { x, weight, dy } = numbers as Record<"x" | "weight" | "dy", Float32Array>;
  const outputs = transposed ? shape.inChannels : shape.outChannels;
  const y = Float32Array.from(dy, (_, i) => (numbers.bias as Float32Array)[i % outputs] as number);
  const dx = new Float32Array(x.length);
  const dw = new Float32Array(weight.length);
  const db = new Float32Array(outputs);
  eachProduct(shape, batch, (input, w, output) => {
    const [from, to] = transposed ? [output, input] : [input, output];
    y[to]! += weight[w]! * x[from]!;
    dx[from]! += weight[w]! * dy[to]!;
    dw[w]! += x[from]! * dy[to]!;
  });
  if (bias)
    dy.forEach((value, i) => {
      db[i % outputs]! += value;
    });
  return { y, dx, dw, db };
}

const axis = fc
  .record({
    size: fc.integer({ min: 1, max: 11 }),
    kernel: fc.integer({ min: 1, max: 5 }),
    stride: fc.integer({ min: 1, max: 3 }),
    dilation: fc.integer({ min: 1, max: 3 }),
    padding: fc.integer({ min: 0, max: 4 }),
    upsample: fc.integer({ min: 1, max: 3 }),
    enlarges: fc.boolean(),
  })
  .map(({ size, kernel, padding, enlarges, ...rest }): ConvolutionAxis => {
    const upsample = enlarges ? rest.upsample : 1;
    const [stride, dilation] = upsample > 1 ? [1, 1] : [rest.stride, rest.dilation];
    const zeros = Math.min(padding, kernel - 1);
    const span = (kernel - 1) * dilation + 1;
    const output = Math.max(1, Math.floor((size * upsample + 2 * zeros - span) / stride) + 1);
    return { input: size, output, kernel, stride, dilation, padding: zeros, upsample };
  });

interface Channels {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly groups: number;
}
const channels = fc
  .record({
    inChannels: fc.integer({ min: 1, max: 20 }),
    outChannels: fc.integer({ min: 1, max: 20 }),
    groups: fc.integer({ min: 1, max: 3 }),
  })
  .map(
    ({ inChannels, outChannels, groups }): Channels => ({
      inChannels: inChannels * groups,
      outChannels: outChannels * groups,
      groups,
    }),
  );
/** A channel in each group. */
const depthwise = fc
  .integer({ min: 2, max: 37 })
  .map((groups): Channels => ({ inChannels: groups, outChannels: groups, groups }));
/** One output in each group, of whole vectors of channels. */
const single = fc
  .record({ quarters: fc.integer({ min: 1, max: 5 }), groups: fc.integer({ min: 1, max: 3 }) })
  .map(
    ({ quarters, groups }): Channels => ({
      inChannels: 4 * quarters * groups,
      outChannels: groups,
      groups,
    }),
  );

const casesOf = (those: fc.Arbitrary<Channels>) =>
  fc
    .record({
      height: axis,
      width: axis,
      channels: those,
      batch: fc.integer({ min: 1, max: 3 }),
      transposed: fc.boolean(),
      bias: fc.boolean(),
    })
    .map(({ channels, batch, transposed, bias, ...axes }): Case => {
      const { inChannels, outChannels, groups } = channels;
      const weight = { tap: (inChannels / groups) * outChannels, input: outChannels, output: 1 };
      return { shape: { ...axes, ...channels, weight }, batch, transposed, bias };
    });

/** 3 x 3 kernels of many channels: Winograd's way, with tiles that hang over, and bands. */
const winogradCases = fc
  .record({
    sides: fc.tuple(fc.integer({ min: 3, max: 19 }), fc.integer({ min: 3, max: 19 })),
    zeros: fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 4, maxLength: 4 }),
    enlarges: fc.boolean(),
    quarters: fc.tuple(fc.integer({ min: 2, max: 9 }), fc.integer({ min: 2, max: 9 })),
    batch: fc.integer({ min: 1, max: 3 }),
    transposed: fc.boolean(),
    bias: fc.boolean(),
  })
  .map(({ sides, zeros, enlarges, quarters, ...rest }): Case => {
    const upsample = enlarges ? 2 : 1;
    const [height, width] = sides.map((input, at) => {
      const [front, behind] = enlarges ? [1, 1] : (zeros.slice(2 * at) as [number, number]);
      return {
        input,
        output: input * upsample + front + behind - 2,
        kernel: 3,
        stride: 1,
        dilation: 1,
        padding: front,
        upsample,
      };
    }) as [ConvolutionAxis, ConvolutionAxis];
    const [inChannels, outChannels] = [4 * quarters[0], 4 * quarters[1]];
    const weight = { tap: inChannels * outChannels, input: outChannels, output: 1 };
    return { shape: { height, width, inChannels, outChannels, groups: 1, weight }, ...rest };
  });

/** Whether Winograd's tiles of 4 x 4 outputs are met: their transforms have numbers that round. */
const hasLargeTiles = ({ shape }: Case) =>
  (["forward", "backward"] as const).some((way) => planWinograd(shape, way)?.side === 6);

/** As near as sums in float32 come: within 2e-6 of the largest number. */
function near(found: Float32Array, expected: Float32Array): void {
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
  const worst = expected.reduce((most, value, i) => {
    const error = Math.abs(value - (found[i] as number));
    return error > most ? error : most;
  }, 0);
  expect(found.every(Number.isFinite)).toBe(true);
  expect(worst / largest).toBeLessThan(2e-6);
}

const forms = (["relaxed", "plain"] as const).filter((form) => supports(form));

describe.each(forms)("%s kernels", (form) => {
  test.each([
    ["any", casesOf(channels), 120],
    ["depthwise", casesOf(depthwise), 60],
    ["one output", casesOf(single), 40],
    ["Winograd's", winogradCases, 40],
  ] as const)("give what the definition gives, forward and back: %s", async (_, those, runs) => {
    await fc.assert(
      fc.asyncProperty(those, async (given) => {
        const { numbers, found } = await onKernels(given, form);
        const expected = byDefinition(given, numbers);
        if (!hasLargeTiles(given)) expect(found).toEqual(expected);
        else for (const part of ["y", "dx", "dw", "db"] as const) near(found[part], expected[part]);
      }),
      { numRuns: runs },
    );
  });
});
