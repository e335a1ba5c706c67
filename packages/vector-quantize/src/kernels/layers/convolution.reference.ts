import type { ConvolutionShape } from "./convolutionShape.ts";

/** One product of a convolution: `y[output] += w[weight] * x[input]`. */
type Visit = (input: number, weight: number, output: number) => void;

/** Every product of a convolution of `batch` images, by its definition. */
export function eachProduct(shape: ConvolutionShape, batch: number, visit: Visit): void {
  const { height, width, inChannels, outChannels, groups, weight } = shape;
  const [perIn, perOut] = [inChannels / groups, outChannels / groups];
  const met = (axis: ConvolutionShape["height"], output: number, tap: number) => {
    const place = output * axis.stride + tap * axis.dilation - axis.padding;
    const at = Math.floor(place / axis.upsample);
    return at >= 0 && at < axis.input ? at : -1;
  };
  for (let b = 0; b < batch; b++) {
    for (let y = 0; y < height.output; y++) {
      for (let x = 0; x < width.output; x++) {
        for (let i = 0; i < height.kernel; i++) {
          for (let j = 0; j < width.kernel; j++) {
            const [row, column] = [met(height, y, i), met(width, x, j)];
            if (row < 0 || column < 0) continue;
            const from = ((b * height.input + row) * width.input + column) * inChannels;
            const to = ((b * height.output + y) * width.output + x) * outChannels;
            const tap = (i * width.kernel + j) * weight.tap;
            for (let o = 0; o < outChannels; o++) {
              const first = Math.floor(o / perOut) * perIn;
              for (let c = 0; c < perIn; c++) {
                visit(from + first + c, tap + c * weight.input + o * weight.output, to + o);
              }
            }
          }
        }
      }
    }
  }
}
