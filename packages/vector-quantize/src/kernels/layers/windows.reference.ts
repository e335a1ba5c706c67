import type { WindowsWork } from "./windows.ts";

/** Pools of images `[B, H, W, C]` by their definition: the output, and the input's gradient from `dy`. */
export function poolByDefinition(
  { name, inputShape, outputShape, window, stride = window }: WindowsWork,
  x: Float32Array,
  dy: Float32Array,
): { y: Float32Array; dx: Float32Array } {
  const [, height, width, channels] = inputShape as [number, number, number, number];
  const [, rows, columns] = outputShape as [number, number, number];
  const [y, dx] = [new Float32Array(dy.length), new Float32Array(x.length)];
  for (let at = 0; at < y.length; at++) {
    const [c, position] = [at % channels, Math.floor(at / channels)];
    const line = Math.floor(position / columns);
    const top = (line % rows) * stride[0];
    const left = (position % columns) * stride[1];
    const seen: number[] = [];
    for (let i = 0; i < window[0]; i++) {
      const row = Math.floor(line / rows) * height + top + i;
      for (let j = 0; j < window[1]; j++) seen.push((row * width + left + j) * channels + c);
    }
    if (name === "maxPool") {
      const best = seen.reduce((a, b) => (x[a]! >= x[b]! || Number.isNaN(x[a]) ? a : b));
      y[at] = x[best]!;
      dx[best]! += dy[at]!;
    } else {
      y[at] = seen.reduce((sum, each) => sum + x[each]!, 0) / seen.length;
      for (const each of seen) dx[each]! += dy[at]! / seen.length;
    }
  }
  return { y, dx };
}
