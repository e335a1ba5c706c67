import { codeCounts } from "vector-quantize";
import type { Engine } from "../../engine/engine.ts";
import { createCellFinder } from "../../plane/cells.ts";
import type {
  CommitmentRow,
  CommitmentSettings,
  CommitmentSnapshot,
  SweepPoint,
} from "./contract.ts";
import { FreeVectors } from "./freeVectors.ts";

const weights = [0, 0.1, 0.25, 0.5, 1, 2, 4, 10];
const sweepSteps = 200;

/** The commitment loss at work; see `FreeVectors`. */
export async function openCommitment(
  settings: CommitmentSettings,
): Promise<Engine<CommitmentSnapshot>> {
  const trained = await FreeVectors.begin(settings);
  const findCells = createCellFinder();
  let step = 0;
  let rows: CommitmentRow[] = [await trained.measure(0)];

  return {
    async step() {
      await trained.step();
      rows.push(await trained.measure(++step));
    },
    async snapshot() {
      const found = await trained.codes();
      const fresh = rows;
      rows = [];
      return {
        ...found,
        uses: Uint32Array.from(codeCounts(found.codeOf, found.codes.length / 2)),
        homes: trained.homes.slice(),
        vectors: trained.vectors.slice(),
        reconstruction: await trained.force("reconstruction"),
        commitment: await trained.force("commitment"),
        cells: await findCells(trained.quantizer, trained.variables),
        rows: fresh,
      };
    },
    change: async (next) => trained.use(next as unknown as CommitmentSettings),
    calls: { sweep },
    dispose: () => trained.dispose(),
  };
}

/** Where a training ends by the weight of the commitment loss: the mean of its last steps. */
async function sweep(settings: CommitmentSettings): Promise<SweepPoint[]> {
  const found: SweepPoint[] = [];
  for (const weight of weights) {
    const options = { ...settings.options, commitmentWeight: weight };
    const trained = await FreeVectors.begin({ ...settings, options });
    try {
      const ends: CommitmentRow[] = [];
      for (let step = 1; step <= sweepSteps; step++) {
        await trained.step();
        if (step > sweepSteps - 20) ends.push(await trained.measure(step));
      }
      const mean = (column: 1 | 2) => ends.reduce((sum, row) => sum + row[column], 0) / ends.length;
      found.push({ weight, reconstruction: mean(1), commitment: mean(2) });
    } finally {
      trained.dispose();
    }
  }
  return found;
}
