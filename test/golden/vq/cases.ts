/** The pictures of the golden files. All in one function, whose text also runs in a page. */
import type { CodeLayer, VqPicture } from "vector-quantize/codes";

export interface VqCase {
  readonly layers: CodeLayer[];
  readonly pictures: VqPicture[];
}

/** Pictures by the name of their file: one of each way to code them. */
export function vqCases(): Record<string, VqCase> {
  let state = 1;
  const draw = (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 4294967296) * below);
  };
  const count = (shape: number[]) => shape.reduce((a, b) => a * b, 1);
  /** Codes that go up to the right and down, with some noise; each layer is told from the one before. */
  const slopes = (shape: number[], layers: CodeLayer[], noise: number) =>
    Int32Array.from({ length: count(shape) * layers.length }, (_, i) => {
      const q = i % layers.length;
      const at = Math.floor(i / layers.length);
      const width = shape[shape.length - 1] ?? 1;
      const { size } = layers[q]!;
      const slope = Math.floor((((at % width) + Math.floor(at / width)) * size) / (2 * width));
      return (slope + draw(noise) + q) % size;
    });
  const order = (size: number, step: number) =>
    Uint32Array.from({ length: size }, (_, i) => (i * step) % size);
  const residual = [{ size: 256 }, { size: 100, order: order(100, 7) }, { size: 256 }];
  const digits = [{ size: 1000, levels: [8, 5, 5, 5] }];
  const bits = [{ size: 2 ** 18, levels: Array<number>(18).fill(2) }];
  const picture = (shape: number[], layers: CodeLayer[], noise: number, name?: string) => ({
    shape,
    codes: slopes(shape, layers, noise),
    ...(name !== undefined && { name, size: shape.map((side) => side * 8 - 3) }),
  });
  const holes = picture([9, 20], residual, 30, "löcher.png");
  for (let i = 0; i < holes.codes.length; i += 7) holes.codes[i] = -1;
  const large = [{ size: 2 ** 31 }, { size: 1 }, { size: 3 }];
  const even = Int32Array.from({ length: 300 }, (_, i) => draw(large[i % 3]!.size));
  return {
    photos: {
      layers: [{ size: 512, order: order(512, 111) }],
      pictures: [1, 2].map((i) => picture([24, 16], [{ size: 512 }], 9 * i, `a/${i}.jpg`)),
    },
    thumbnails: {
      layers: [{ size: 512 }],
      pictures: Array.from({ length: 40 }, (_, i) => picture([4, 4], [{ size: 512 }], 20, `${i}`)),
    },
    residual: {
      layers: residual,
      pictures: [picture([16, 16], residual, 3), holes, picture([1, 3], residual, 9, "klein")],
    },
    fsq: { layers: digits, pictures: [picture([20, 30], digits, 12), picture([7, 7], digits, 99)] },
    lfq: { layers: bits, pictures: [picture([20, 20], bits, 100)] },
    speech: { layers: residual, pictures: [picture([500], residual, 11, "a.wav")] },
    video: { layers: digits, pictures: [picture([3, 6, 8], digits, 5)] },
    packed: {
      layers: large,
      pictures: [
        { shape: [10, 10], codes: even },
        { shape: [0], codes: new Int32Array(0) },
      ],
    },
  };
}
