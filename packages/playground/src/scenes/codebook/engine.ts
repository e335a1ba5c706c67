import { numpy as np, random, tree } from "@jax-js/jax";
import {
  codeCounts,
  perplexity,
  type Quantizer,
  quantizerFromConfig,
  usedCodes,
  type Variables,
} from "vector-quantize";
import type { Engine } from "../../engine/engine.ts";
import { cellsOf, createCellFinder } from "../../plane/cells.ts";
import { type HostIndices, planeCodes } from "../../plane/planeCodes.ts";
import { PlaneTrainer } from "../../plane/planeTrainer.ts";
import { pointsOf } from "../../plane/points.ts";
import type { CodebookSettings, CodebookSnapshot, LayerCodes, Start } from "./contract.ts";

const count = 600;
/** More paths than these through the layers are not drawn. */
const mostPaths = 1500;

const makeQuantizer = ({ quantizer, options }: CodebookSettings): Quantizer =>
  quantizerFromConfig({ type: quantizer, ...options } as never);

/** The points that lie most to the lower left: codes that begin there must spread or die. */
function corner(points: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  const pairs = Array.from({ length: points.length / 2 }, (_, i) => [
    points[2 * i] as number,
    points[2 * i + 1] as number,
  ]);
  pairs.sort(([a = 0, b = 0], [c = 0, d = 0]) => a + b - c - d);
  return Float32Array.from(pairs.slice(0, Math.ceil(pairs.length / 8)).flat());
}

async function begin(
  quantizer: Quantizer,
  start: Start,
  points: Float32Array<ArrayBuffer>,
): Promise<Variables> {
  const variables = quantizer.init(random.key(0));
  if (start === "init") return variables;
  const sample = start === "corner" ? corner(points) : points;
  const x = np.array(sample, { shape: [sample.length / 2, 2] });
  return await quantizer.fit(variables, x, { key: random.key(2), warn: () => {} });
}

export async function openCodebook(settings: CodebookSettings): Promise<Engine<CodebookSnapshot>> {
  let now = settings;
  const points = pointsOf(settings.shape, count, settings.seed, settings.drawn);
  const quantizer = makeQuantizer(settings);
  const trainer = new PlaneTrainer(
    quantizer,
    await begin(quantizer, settings.start, points),
    points,
  );
  const findCells = createCellFinder();
  let rows: [number, number, number][] = [];
  let step = 0;

  const codesOf = () => planeCodes(trainer.quantizer);
  const held = () => tree.ref(trainer.variables as never) as Variables;

  const encode = async (): Promise<HostIndices> => {
    const x = np.array(points, { shape: [points.length / 2, 2] });
    const indices = await trainer.quantizer.encode(held(), x);
    return codesOf().read((await indices.data()) as Int32Array);
  };

  function note(quantized: Float32Array, { codes, layers }: HostIndices): void {
    const error = points.reduce(
      (sum, value, i) => sum + (value - (quantized[i] as number)) ** 2,
      0,
    );
    const first = codes.filter((_, i) => i % layers === 0);
    const counts = codeCounts(first, codesOf().sizes[0] as number);
    rows.push([step, (2 * error) / points.length, perplexity(counts)]);
  }

  async function decode(codes: HostIndices): Promise<Float32Array<ArrayBuffer>> {
    const decoded = trainer.quantizer.decode(held(), codesOf().write(codes));
    return Float32Array.from(await decoded.data());
  }

  return {
    async step() {
      const { quantized, indices } = await trainer.step();
      note(quantized, codesOf().read(indices));
      step++;
    },
    async snapshot() {
      const found = await encode();
      const { sizes } = codesOf();
      const layers: LayerCodes[] = [];
      for (let layer = 0; layer < found.layers; layer++) {
        layers.push(await layerCodes(found, layer, sizes, decode));
      }
      const cells = await findCells(trainer.quantizer, trainer.variables);
      const fresh = rows;
      rows = [];
      return {
        points: points.slice(),
        pointCodes: cellsOf(found, sizes),
        cells,
        layers,
        rows: fresh,
        codes: sizes[0] as number,
        used: usedCodes(layers[0]?.uses ?? []),
      };
    },
    async change(settings) {
      const next = settings as unknown as CodebookSettings;
      const options = { ...next.options };
      const structural = ["codebookSize", "numQuantizers", "levels", "dim"].some(
        (name) => JSON.stringify(options[name]) !== JSON.stringify(now.options[name]),
      );
      const same = (["shape", "drawn", "seed", "start", "quantizer"] as const).every(
        (name) => next[name] === now[name],
      );
      if (structural || !same) return false;
      const other = makeQuantizer(next);
      const shapes = (of: Variables) =>
        JSON.stringify(tree.leaves(of as never).map((leaf) => (leaf as np.Array).shape));
      const fresh = other.init(random.key(0));
      const fits = shapes(fresh) === shapes(trainer.variables);
      tree.dispose(fresh as never);
      if (!fits) return false;
      trainer.use(other);
      now = next;
      return true;
    },
    dispose: () => trainer.dispose(),
  };
}

/** Codes of the first layer: all of them. Of later ones: the paths that points take. */
async function layerCodes(
  { codes, layers }: HostIndices,
  layer: number,
  sizes: readonly number[],
  decode: (codes: HostIndices) => Promise<Float32Array<ArrayBuffer>>,
): Promise<LayerCodes> {
  const paths = new Map<string, { path: number[]; uses: number }>();
  if (layer === 0) {
    const known = Math.min(sizes[0] as number, mostPaths);
    for (let code = 0; code < known; code++) paths.set(`${code}`, { path: [code], uses: 0 });
  }
  for (let i = 0; i < codes.length; i += layers) {
    const path = [...codes.subarray(i, i + layer + 1)];
    const known = paths.get(path.join());
    if (known) known.uses++;
    else if (paths.size < mostPaths) paths.set(path.join(), { path, uses: 1 });
  }
  const all = [...paths.values()];
  const upTo = (few: number): HostIndices => ({
    layers: few,
    codes: Int32Array.from(all.flatMap(({ path }) => path.slice(0, few))),
  });
  return {
    at: await decode(upTo(layer + 1)),
    from: layer === 0 ? new Float32Array() : await decode(upTo(layer)),
    first: Uint16Array.from(all, ({ path }) => path[0] as number),
    uses: Uint32Array.from(all, ({ uses }) => uses),
  };
}
