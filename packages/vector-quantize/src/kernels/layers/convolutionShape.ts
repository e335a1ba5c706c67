/**
 * A convolution's geometry, axis by axis, as products over positions.
 *
 * Output `o` of an axis meets, by tap `t` of its kernel, the input at `floor((o * stride + t * dilation -
 * padding) / upsample)`. Read either way, that is a few *axis parts*: positions a fixed step apart in
 * both, whose taps lie at fixed distances. One part makes a plain convolution; a stride, seen from the
 * input, or an enlargement makes one for each remainder.
 */

/** One axis of a convolution. */
export interface ConvolutionAxis {
  readonly input: number;
  readonly output: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  /** Zeros before the first input. */
  readonly padding: number;
  /** How often each input is repeated before the kernel meets it; 1 with a stride or a dilation. */
  readonly upsample: number;
}

/** Images `[height, width, inChannels]` to `[.., .., outChannels]`. */
export interface ConvolutionShape {
  readonly height: ConvolutionAxis;
  readonly width: ConvolutionAxis;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly groups: number;
  /** Floats in the weights from a tap to the next, an input channel, and an output channel. */
  readonly weight: { readonly tap: number; readonly input: number; readonly output: number };
}

/** Positions that meet the same taps: the i-th writes at `start + i * step`. */
export interface AxisPart {
  readonly start: number;
  readonly step: number;
  readonly count: number;
  /** How far apart the i-th and the next one read. */
  readonly inStep: number;
  readonly taps: readonly AxisTap[];
}

/** What is read at a distance `at` is multiplied by the sum of these entries of the kernel. */
export interface AxisTap {
  readonly at: number;
  readonly kernel: readonly number[];
}

/** From the input to the output. */
export function forwardParts(axis: ConvolutionAxis): AxisPart[] {
  const { output, kernel, stride, dilation, padding, upsample } = axis;
  return Array.from({ length: Math.min(upsample, output) }, (_, start) => ({
    start,
    step: upsample,
    count: Math.ceil((output - start) / upsample),
    inStep: stride,
    taps: collected(kernel, (tap) => Math.floor((start + tap * dilation - padding) / upsample)),
  }));
}

/** From the output's gradient to the input's. */
export function backwardParts(axis: ConvolutionAxis): AxisPart[] {
  const { input, kernel, stride, dilation, padding, upsample } = axis;
  if (upsample > 1) {
    const taps = new Map<number, number[]>();
    for (let tap = 0; tap < kernel; tap++) {
      for (let rest = 0; rest < upsample; rest++) add(taps, rest - tap + padding, tap);
    }
    return [{ start: 0, step: 1, count: input, inStep: upsample, taps: sorted(taps) }];
  }
  return Array.from({ length: Math.min(stride, input) }, (_, start) => ({
    start,
    step: stride,
    count: Math.ceil((input - start) / stride),
    inStep: 1,
    taps: collected(kernel, (tap) => (start + padding - tap * dilation) / stride),
  }));
}

/** The taps that `place` puts at whole distances; one of nothing if there are none. */
function collected(kernel: number, place: (tap: number) => number): AxisTap[] {
  const taps = new Map<number, number[]>();
  for (let tap = 0; tap < kernel; tap++) {
    const at = place(tap);
    if (Number.isInteger(at)) add(taps, at, tap);
  }
  return taps.size === 0 ? [{ at: 0, kernel: [] }] : sorted(taps);
}

function add(taps: Map<number, number[]>, at: number, tap: number): void {
  const known = taps.get(at);
  if (known) known.push(tap);
  else taps.set(at, [tap]);
}

function sorted(taps: Map<number, number[]>): AxisTap[] {
  return [...taps].sort(([a], [b]) => a - b).map(([at, kernel]) => ({ at, kernel }));
}
