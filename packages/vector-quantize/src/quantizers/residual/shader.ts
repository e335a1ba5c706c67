import { numpy as np } from "@jax-js/jax";
import { type Searched, searchOnShaders } from "../../search/shader.ts";
import { residualOnKernels, withLayers } from "./kernel.ts";

/**
 * Indices of vectors `[N, C]` in layers that find their nearest codes, all layers on the device, as
 * `residualOnKernels` finds them: int32 `[N, columns]`, with -1 for the layers that are not used. A row
 * that any layer leaves open is decided in all of them. Takes ownership of nothing.
 *
 * @param codebooks `[K, C]` of each layer that is used
 * @param host the numbers of these for the kernels; they must stay as they are for good
 */
export async function residualOnShaders(
  vectors: np.Array,
  codebooks: readonly np.Array[],
  host: () => Promise<readonly Float32Array[]>,
  columns: number,
): Promise<Searched> {
  const [rows, dim] = vectors.shape as [number, number];
  const layersOf = (codebooks: readonly Float32Array[]) => ({
    codebooks,
    beam: 1,
    beamWeights: codebooks.map(() => 1),
  });
  return await searchOnShaders({
    vectors,
    codebooks,
    metric: "euclidean",
    shape: [rows, columns],
    async decide(open) {
      const nearest = withLayers(
        layersOf(await host()),
        dim,
        (search) => search.nearest(open),
        true,
      );
      return (await nearest).indices;
    },
    async all() {
      const found = await residualOnKernels(vectors.ref, layersOf(await host()), columns);
      return np.array((await found.data()) as Int32Array<ArrayBuffer>, {
        shape: [rows, columns],
        device: vectors.device,
      });
    },
  });
}
