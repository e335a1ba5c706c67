import { expect } from "vitest";
import type { HostTensor } from "../../packages/vector-quantize/src/checkpoint/dtypes.ts";

/**
 * The policy for floats: `max |a - b| <= 1e-5 max |b| + 1e-7` over a tensor, `b` the recorded one.
 *
 * The scale is the tensor's own largest entry, so small gradients are held to their own size. The
 * last term lets what is 0 in exact arithmetic be rounding noise.
 */
const relative = 1e-5;
const noise = 1e-7;

/**
 * Expects integers and booleans to be equal, and floats to be close.
 *
 * @param size how large the terms are that the recorded tensor is a sum of, if they cancel
 */
export function expectSame(name: string, ours: HostTensor, recorded: HostTensor, size = 0): void {
  expect(ours.shape, `shape of ${name}`).toEqual(recorded.shape);
  if (recorded.dtype !== "float32") {
    expectEqual(name, ours, recorded);
    return;
  }
  const scale = Array.from(recorded.data, Math.abs).reduce((a, b) => Math.max(a, b), size);
  const allowed = relative * scale + noise;
  const worst = largestGap(ours, recorded);
  const values = `${ours.data[worst.at]} for ${recorded.data[worst.at]} at ${worst.at}`;
  expect(worst.gap, `largest difference in ${name}: ${values}`).toBeLessThanOrEqual(allowed);
}

/** Expects equal numbers, to the last bit. */
export function expectEqual(name: string, ours: HostTensor, recorded: HostTensor): void {
  expect(ours.shape, `shape of ${name}`).toEqual(recorded.shape);
  expect(Array.from(ours.data), name).toEqual(Array.from(recorded.data));
}

function largestGap(ours: HostTensor, recorded: HostTensor): { gap: number; at: number } {
  let worst = { gap: 0, at: 0 };
  for (let at = 0; at < recorded.data.length; at++) {
    const gap = Math.abs((ours.data[at] as number) - (recorded.data[at] as number));
    // Not `gap > worst.gap`: NaN has to win.
    if (!(gap <= worst.gap)) worst = { gap, at };
  }
  return worst;
}
