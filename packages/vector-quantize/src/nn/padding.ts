import { expected } from "../errors.ts";
import { type Axis, extentOf } from "./axis.ts";
import { bothSides, type Sides } from "./sides.ts";

/** Zeros around an axis: on both ends, in front and behind, or by a rule. */
export type AxisPadding =
  | number
  | readonly [front: number, behind: number]
  | "same"
  | "valid"
  | "causal";

/** How a kernel slides along an axis. */
export interface SlideOptions {
  readonly kernelSize: number;
  readonly stride: number;
  readonly dilation: number;
  readonly padding: AxisPadding;
}

/**
 * Throws unless the kernel and the zeros fit together; `where` names the layer, and `kernel` the option
 * that says how long the kernel is.
 */
export function paddedAxis(where: string, options: SlideOptions, kernel = "kernelSize"): Axis {
  const { kernelSize: size, stride, dilation } = options;
  const [front, behind] = zerosOf(where, options, kernel);
  return { size, stride, dilation, front, behind };
}

function zerosOf(
  where: string,
  { kernelSize: size, dilation, padding }: SlideOptions,
  kernel: string,
): readonly [front: number, behind: number] {
  const extent = extentOf({ size, dilation });
  if (padding === "valid") return [0, 0];
  if (padding === "causal") return [extent - 1, 0];
  if (padding === "same") {
    checkMiddle(where, { size, dilation }, kernel, 'a number or "valid"');
    return [(extent - 1) / 2, (extent - 1) / 2];
  }
  const zeros = typeof padding === "number" ? ([padding, padding] as const) : padding;
  checkReach(where, Math.max(...zeros), { size, dilation });
  return zeros;
}

/** What a transposed kernel does along an axis. */
export interface TransposedOptions {
  readonly kernelSize: number;
  readonly stride: number;
  readonly dilation: number;
  readonly padding: number | "same" | "causal";
  readonly outputPadding: number;
}

/** The axis of a transposed convolution: `front` and `behind` are cut off its output. */
export function cutAxis(where: string, options: TransposedOptions, kernel = "kernelSize"): Axis {
  const { kernelSize: size, stride, dilation, padding, outputPadding: more } = options;
  if (typeof padding === "string") {
    if (more > 0) throw expected(`${where}: outputPadding with padding "causal"`, "0", more);
    const same = padding === "same";
    if (same) checkMiddle(where, { size, dilation }, kernel, "numbers");
    const extent = extentOf({ size, dilation });
    const front = same ? (extent - 1) / 2 : 0;
    return { size, stride, dilation, front, behind: extent - stride - front };
  }
  checkReach(where, padding, { size, dilation });
  const most = Math.max(stride, dilation);
  if (more >= most) {
    throw expected(`${where}: outputPadding`, `less than stride or dilation (${most})`, more);
  }
  return { size, stride, dilation, front: padding, behind: padding - more };
}

/** Throws unless the kernel has a middle; `mend` is the padding of those that have none. */
function checkMiddle(
  where: string,
  axis: Pick<Axis, "size" | "dilation">,
  kernel: string,
  mend: string,
): void {
  if (extentOf(axis) % 2 === 1) return;
  const rest = `Even ones want ${mend} as padding`;
  throw expected(`${where}: ${kernel}`, "an odd integer", axis.size, rest);
}

/** Throws unless `padding` is less than the kernel is long. */
export function checkReach(
  where: string,
  padding: number,
  kernel: Pick<Axis, "size" | "dilation">,
): void {
  const extent = extentOf(kernel);
  if (padding < extent) return;
  const limit = kernel.dilation === 1 ? "kernelSize" : "the length of the dilated kernel";
  throw expected(`${where}: padding`, `less than ${limit} (${extent})`, padding);
}

/** The padding along an axis of images: "causal" goes along the rows, and is "same" across them. */
export function paddingAlong<Word extends string>(
  padding: Sides | Word,
  at: 0 | 1,
): number | Word | "same" {
  if (typeof padding !== "string") return bothSides(padding)[at];
  return padding === "causal" && at === 1 ? "same" : padding;
}

/** Checks a padding: one of `words`, or what `other` takes. */
export const paddingOr =
  (words: readonly string[], other: (where: string, value: unknown) => void) =>
  (where: string, value: unknown): void => {
    if (typeof value !== "string") other(where, value);
    else if (!words.includes(value)) {
      const choices = words.map((word) => JSON.stringify(word)).join(", ");
      throw expected(where, `a number or one of ${choices}`, value);
    }
  };
