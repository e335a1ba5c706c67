import { spectraHeader } from "../engine/binaries/headers.ts";
import type { Workspace } from "./workspace.ts";

/** How spectra of frames are compared, as plain numbers. */
export interface SpectraPlan {
  /** Samples of a frame, a power of 2 from 8 on, from one to the next, and of a series. */
  readonly size: number;
  readonly hop: number;
  readonly length: number;
  readonly frames: number;
  /** What frames are multiplied by. */
  readonly window: ArrayLike<number>;
  /** Weighted sums of magnitudes. */
  readonly bands: readonly { readonly first: number; readonly weights: readonly number[] }[];
  /** Least magnitude that logarithms tell apart. */
  readonly floor: number;
}

/** Factors of the gradient: of each difference between magnitudes, and between bands. */
export interface SpectraSlopes {
  readonly byMagnitude: number;
  readonly byBand: number;
}

/**
 * Compares the spectra of `batch` series at `output` and `target`, adds the gradient by the output to
 * `gradient`, and gives the sums of all distances: `|X - Y| + |log10 X - log10 Y|` of magnitudes, and
 * `|log10 X - log10 Y|` of bands.
 */
export async function spectralDistance(
  work: Workspace,
  plan: SpectraPlan,
  slopes: SpectraSlopes,
  { batch, output, target, gradient }: Record<"batch" | "output" | "target" | "gradient", number>,
): Promise<{ magnitudes: number; bands: number }> {
  const header = work.copyOf(imageOf(plan, slopes));
  const sums = work.take(4 * batch);
  const args = [header, output, target, gradient, sums];
  const { size, frames } = plan;
  await work.run(work.kernels.spectralDistance, batch, args, {
    work: 20 * batch * frames * size * Math.log2(size),
    scratch: 32 * size + 48 * (size / 2 + 1),
  });
  const found = work.pool.memory.f64(sums, 2 * batch);
  let [magnitudes, bands] = [0, 0];
  for (let b = 0; b < batch; b++) {
    magnitudes += found[2 * b] as number;
    bands += found[2 * b + 1] as number;
  }
  work.release(header, sums);
  return { magnitudes, bands };
}

/** The header and its tables, as the kernel reads them. */
function imageOf(plan: SpectraPlan, slopes: SpectraSlopes): Int32Array {
  const { size, window, bands } = plan;
  const weights = bands.flatMap(({ weights }) => weights);
  const tables = {
    window: Float32Array.from(window),
    twiddles: Float32Array.from({ length: size }, (_, i) => {
      const angle = (2 * Math.PI * (i >> 1)) / size;
      return i % 2 === 0 ? Math.cos(angle) : -Math.sin(angle);
    }),
    places: Int32Array.from({ length: size }, (_, k) => 32 * reversed(k, Math.log2(size))),
    ranges: Int32Array.from(bands.flatMap(({ first, weights }) => [first, weights.length])),
    weights: Float32Array.from(weights),
  };
  const { bytes, fields } = spectraHeader;
  const all = Object.entries(tables);
  const image = new Int32Array(all.reduce((sum, [, { length }]) => sum + length, bytes / 4));
  const floats = new Float32Array(image.buffer);
  const write = (name: string, value: number) => {
    const { kind, at } = fields[name as keyof typeof fields];
    (kind === "f32" ? floats : image)[at / 4] = value;
  };
  const { length, hop, frames, floor } = plan;
  for (const [name, value] of Object.entries({ length, size, hop, frames, floor, ...slopes })) {
    write(name, value);
  }
  write("bands", bands.length);
  let at = bytes / 4;
  for (const [name, table] of all) {
    write(name, 4 * at);
    (table instanceof Int32Array ? image : floats).set(table, at);
    at += table.length;
  }
  return image;
}

/** The lowest `bits` of a number in reverse. */
function reversed(number: number, bits: number): number {
  let found = 0;
  for (let bit = 0; bit < bits; bit++) found |= ((number >> bit) & 1) << (bits - 1 - bit);
  return found;
}
