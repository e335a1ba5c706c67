/**
 * Whether spoken digits are understood: each recording is told by the nearest of others, whose digits are known,
 * by their log-mel spectra under dynamic time warping (Sakoe and Chiba, 1978).
 *
 *   node docs/measure/recognize.mjs --known path/to/train --original path/to/test --decoded path/to/decoded
 *
 * Files are called `<digit>_...wav`. Build first: the spectra are those of `vq eval`.
 */
import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { collected } from "../../packages/cli/dist/input/sound/collected.js";
import { openSound } from "../../packages/cli/dist/input/sound/soundFiles.js";
import { logMel, melFilters } from "../../packages/cli/dist/measure/sound/likeness.js";
import { frameSize, spectraOf } from "../../packages/cli/dist/measure/sound/spectrum.js";

const { values: flags } = parseArgs({
  options: {
    known: { type: "string" },
    original: { type: "string" },
    decoded: { type: "string" },
  },
});

const known = await readFolder(flags.known);
for (const side of ["original", "decoded"]) {
  if (flags[side] === undefined) continue;
  const asked = await readFolder(flags[side]);
  const right = asked.filter((one) => nearest(one).digit === one.digit).length;
  const share = ((100 * right) / asked.length).toFixed(1);
  console.log(`${side}: ${right} of ${asked.length} digits are told, ${share} %`);
}

async function readFolder(folder) {
  const names = readdirSync(folder).filter((name) => name.endsWith(".wav"));
  return Promise.all(
    names.map(async (name) => ({
      digit: basename(name)[0],
      frames: await featuresOf(join(folder, name)),
    })),
  );
}

/** Log-mel levels of frames 8 ms apart, each band less its mean, so that loudness and microphone don't count. */
async function featuresOf(path) {
  const sound = await openSound(path);
  const { sampleRate } = sound;
  const size = frameSize(sampleRate);
  const filters = melFilters(sampleRate, size);
  const samples = await collected(sound.pieces());
  const spectra = spectraOf(samples, size);
  const levels = logMel(spectra, filters);
  const bands = filters.length;
  const loudest = levels.reduce((most, level) => Math.max(most, level));
  const frames = Array.from({ length: spectra.frames }, (_, i) =>
    Array.from(levels.subarray(i * bands, (i + 1) * bands), (level) =>
      Math.max(level, loudest - 3),
    ),
  );
  for (let band = 0; band < bands; band++) {
    const mean = frames.reduce((sum, frame) => sum + frame[band], 0) / frames.length;
    for (const frame of frames) frame[band] -= mean;
  }
  return frames;
}

function nearest({ frames }) {
  let best;
  for (const one of known) {
    const distance = warped(frames, one.frames);
    if (best === undefined || distance < best.distance) best = { ...one, distance };
  }
  return best;
}

/** The least mean distance of two series of frames, whose times may stretch. */
function warped(a, b) {
  let row = new Float64Array(b.length + 1).fill(Number.POSITIVE_INFINITY);
  row[0] = 0;
  for (const frame of a) {
    const next = new Float64Array(b.length + 1).fill(Number.POSITIVE_INFINITY);
    for (let j = 1; j <= b.length; j++) {
      const other = b[j - 1];
      let square = 0;
      for (let k = 0; k < frame.length; k++) square += (frame[k] - other[k]) ** 2;
      next[j] = Math.sqrt(square) + Math.min(row[j - 1], row[j], next[j - 1]);
    }
    row = next;
  }
  return row[b.length] / (a.length + b.length);
}
