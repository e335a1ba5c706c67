import { expected } from "../errors.ts";
import { type Axis, extentOf } from "./axis.ts";

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

/** Throws unless the kernel and the zeros fit together; `where` names the layer. */
export function paddedAxis(where: string, options: SlideOptions): Axis {
  const { kernelSize: size, stride, dilation } = options;
  const [front, behind] = zerosOf(where, options);
  return { size, stride, dilation, front, behind };
}

function zerosOf(
  where: string,
  { kernelSize: size, dilation, padding }: SlideOptions,
): readonly [front: number, behind: number] {
  const extent = extentOf({ size, dilation });
  if (padding === "valid") return [0, 0];
  if (padding === "causal") return [extent - 1, 0];
  if (padding === "same") {
    if (extent % 2 === 1) return [(extent - 1) / 2, (extent - 1) / 2];
    const mend = 'Even ones want a number or "valid" as padding';
    throw expected(`${where}: kernelSize`, "an odd integer", size, mend);
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
  readonly padding: number | "causal";
  readonly outputPadding: number;
}

/** The axis of a transposed convolution: `front` and `behind` are cut off its output. */
export function cutAxis(where: string, options: TransposedOptions): Axis {
  const { kernelSize: size, stride, dilation, padding, outputPadding: more } = options;
  if (padding === "causal") {
    if (more > 0) throw expected(`${where}: outputPadding with padding "causal"`, "0", more);
    const behind = extentOf({ size, dilation }) - stride;
    return { size, stride, dilation, front: 0, behind };
  }
  checkReach(where, padding, { size, dilation });
  const most = Math.max(stride, dilation);
  if (more >= most) {
    throw expected(`${where}: outputPadding`, `less than stride or dilation (${most})`, more);
  }
  return { size, stride, dilation, front: padding, behind: padding - more };
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
