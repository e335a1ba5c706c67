/**
 * Codes of every quantizer for the same vectors, as hashes: the same on every engine. Imports nothing, so
 * that any engine and any page can run it.
 */

const vq = { dim: 8, codebookSize: 64 };
const residual = { ...vq, numQuantizers: 3 };
const configs = {
  vectorQuantize: vq,
  "vectorQuantize, cosine": { ...vq, metric: "cosine" },
  "vectorQuantize, heads": { ...vq, heads: 2, codebookDim: 4, separateCodebookPerHead: true },
  "vectorQuantize, affine": { ...vq, affineParam: true },
  "vectorQuantize, 1,024 codes": { ...vq, codebookSize: 1024 },
  residualVQ: residual,
  "residualVQ, beam": { ...residual, beamSize: 4 },
  groupedResidualVQ: { ...residual, groups: 2, dim: 16 },
  simVQ: vq,
  residualSimVQ: residual,
  fsq: { levels: [8, 5, 5, 5] },
  residualFSQ: { levels: [5, 5, 3], numQuantizers: 3, dim: 8 },
  groupedResidualFSQ: { levels: [5, 3], numQuantizers: 2, groups: 2, dim: 8 },
  lfq: { dim: 8, codebookSize: 256 },
  residualLFQ: { dim: 8, codebookSize: 256, numQuantizers: 2 },
  fsp: { levels: [6, 6, 6, 6] },
  latentQuantize: { levels: [5, 5, 8], dim: 6 },
  productVQ: { dim: 8, parts: 4 },
  randomProjectionQuantizer: { dim: 8, codebookSize: 64, codebookDim: 4, numCodebooks: 2 },
};

/** Numbers that are the same everywhere: multiples of 2^-12 between -2 and 2. */
function values(length, seed) {
  let state = seed;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return ((state >>> 18) - 8192) / 4096;
  });
}

/** FNV-1a of the bytes, low ones first. */
function hash(indices) {
  let sum = 0x811c9dc5;
  for (const index of indices) {
    for (let shift = 0; shift < 32; shift += 8) {
      sum = Math.imul(sum ^ ((index >> shift) & 255), 0x01000193);
    }
  }
  return (sum >>> 0).toString(16).padStart(8, "0");
}

/**
 * @param library `vector-quantize`
 * @param jax `@jax-js/jax`
 * @param device where codes are computed; the variables are drawn on the default device
 * @param every of how many quantizers one is asked for its codes
 * @returns the hashes by the quantizers' names
 */
export async function codeHashes(
  { quantizerFromConfig },
  jax,
  device = jax.defaultDevice(),
  every = 1,
) {
  const { numpy: np, random, devicePut } = jax;
  const found = {};
  for (const [at, [name, options]] of Object.entries(configs).entries()) {
    if (at % every !== 0) continue;
    const quantizer = quantizerFromConfig({ type: name.split(",")[0], ...options });
    const variables = await devicePut(quantizer.init(random.key(0)), device);
    const x = np.array(values(2000 * quantizer.dim, 7), { shape: [2000, quantizer.dim], device });
    const codes = await quantizer.encode(variables, x);
    if (codes.device !== device) throw new Error(`${name}: codes on ${codes.device}`);
    found[name] = hash(await codes.data());
  }
  return found;
}
