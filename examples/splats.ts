/**
 * A palette of the spherical harmonics of Gaussian splats, as SOG files hold it: up to 65,536 entries, of 256 kinds of
 * numbers, and 16 bits a splat. `--out scene` writes the two textures and what `meta.json` says of them.
 *
 *   node examples/splats.ts --ply scene.ply --out scene
 *
 * Measured (2026-11-28; 20,000 built-in splats, 16,384 entries): 0.41 % of the power lost.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import sharp from "sharp";
import { kmeans } from "vector-quantize/kernels";

const { values: flags } = parseArgs({
  options: {
    ply: { type: "string" }, // without one, built-in numbers
    splats: { type: "string", default: "100000" },
    iterations: { type: "string", default: "10" },
    out: { type: "string" },
  },
});
const { vectors, dim } = flags.ply ? read(flags.ply) : builtIn(Number(flags.splats), 45);
const count = vectors.length / dim;
const iterations = Number(flags.iterations);
const clusters = 1024 * Math.min(64, 2 ** Math.floor(Math.log2(count / 1024)));

const begin = performance.now();
const { centroids, labels } = await kmeans(vectors, { dim, clusters, iterations, labels: true });
const kinds = await kmeans(centroids, { dim: 1, clusters: 256, labels: true });
const seconds = ((performance.now() - begin) / 1000).toFixed(1);
let [lost, power] = [0, 0];
for (const [i, value] of vectors.entries()) {
  const at = labels[Math.floor(i / dim)]! * dim + (i % dim);
  lost += (value - kinds.centroids[kinds.labels[at]!]!) ** 2;
  power += value ** 2;
}
const percent = ((100 * lost) / power).toFixed(2);
console.log(`${count} splats, ${clusters} entries: ${percent} % of the power lost, ${seconds} s`);
if (flags.out) await write(flags.out);
/** 64 entries in a row of pixels: one for each coefficient, of which a splat has those of red, green and blue. */
async function write(name: string) {
  const coefficients = dim / 3;
  const width = 64 * coefficients;
  const entries = new Uint8Array(width * (clusters / 64) * 4).fill(255);
  for (const [i, kind] of kinds.labels.entries()) {
    const pixel = Math.floor(i / dim) * coefficients + (i % coefficients);
    entries[4 * pixel + Math.floor((i % dim) / coefficients)] = kind;
  }
  await save(`${name}.shN_centroids.webp`, entries, width);
  const side = 4 * Math.ceil(Math.sqrt(count) / 4);
  const pixels = new Uint8Array(side * side * 4).fill(255);
  for (const [i, label] of labels.entries()) pixels.set([label & 255, label >> 8, 0], 4 * i);
  await save(`${name}.shN_labels.webp`, pixels, side);
  const meta = { count: clusters, bands: Math.sqrt(coefficients + 1) - 1 };
  writeFileSync(`${name}.json`, JSON.stringify({ ...meta, codebook: [...kinds.centroids] }));
}

function save(file: string, pixels: Uint8Array, width: number) {
  const raw = { width, height: pixels.length / width / 4, channels: 4 } as const;
  return sharp(pixels, { raw }).webp({ lossless: true }).toFile(file);
}

/** The numbers `f_rest_0`, `f_rest_1`, ... of a binary PLY file, all of whose properties are floats. */
function read(path: string) {
  const bytes = readFileSync(path);
  const begin = bytes.indexOf("end_header\n") + 11;
  const names = [...bytes.toString("latin1", 0, begin).matchAll(/property float (\w+)/g)];
  const rest = [...names.keys()].filter((i) => names[i]![1]!.startsWith("f_rest_"));
  const floats = new Float32Array(bytes.buffer.slice(bytes.byteOffset + begin));
  const at = (i: number) => Math.floor(i / rest.length) * names.length + rest[i % rest.length]!;
  const length = (floats.length / names.length) * rest.length;
  return { vectors: Float32Array.from({ length }, (_, i) => floats[at(i)]!), dim: rest.length };
}

/** Splats of 5,000 kinds with noise; fine waves are weak. */
function builtIn(splats: number, dim: number) {
  const wave = (i: number) => Math.sin(i * i * 0.7) / (1 + (i % 15));
  const valueAt = (i: number) => wave(i % (5000 * dim)) + wave(i) / 4;
  return { vectors: Float32Array.from({ length: splats * dim }, (_, i) => valueAt(i)), dim };
}
