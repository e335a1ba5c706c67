import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Case } from "./cases.ts";

/** Uniform numbers in [0, 1) from a seed: mulberry32. */
export function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Standard normal numbers, by Box and Muller. */
export function normals(
  count: number,
  seed: number,
  scale = (_: number) => 1,
): Float32Array<ArrayBuffer> {
  const next = uniform(seed);
  const out = new Float32Array(count);
  for (let i = 0; i < count; i += 2) {
    const radius = Math.sqrt(-2 * Math.log(1 - next()));
    const angle = 2 * Math.PI * next();
    out[i] = radius * Math.cos(angle) * scale(i);
    if (i + 1 < count) out[i + 1] = radius * Math.sin(angle) * scale(i + 1);
  }
  return out;
}

/** Makes of each vector of standard normal numbers a code with noise of 0.3 of the codes' spread. */
export function gatherAtCodes(vectors: Float32Array, codebook: Float32Array, dim: number): void {
  const next = uniform(3);
  for (let at = 0; at < vectors.length; at += dim) {
    const code = Math.floor((next() * codebook.length) / dim) * dim;
    for (let d = 0; d < dim; d++) {
      vectors[at + d] = 0.3 * (vectors[at + d] as number) + (codebook[code + d] as number);
    }
  }
}

/** The files of one case, in a folder of their own that `remove` deletes. */
export function writeData(benchCase: Case): { files: Record<string, string>; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), "vq-bench-"));
  const { n, dim, codes, layers = 1, levels } = benchCase;
  const files = { vectors: join(folder, "vectors.f32"), codebook: join(folder, "codebook.f32") };
  const width = levels?.length ?? dim;
  // Layers of a residual quantizer shrink as its residuals do.
  const book = codes * dim;
  const codebook = normals(layers * book, 2, (i) => 0.9 ** Math.floor(i / book));
  writeFileSync(files.codebook, codebook);
  const vectors = normals(n * width, 1);
  if (benchCase.clustered) gatherAtCodes(vectors, codebook, dim);
  writeFileSync(files.vectors, vectors);
  return { files, remove: () => rmSync(folder, { recursive: true }) };
}
