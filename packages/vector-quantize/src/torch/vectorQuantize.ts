import { VectorQuantizeError } from "../errors.ts";
import type { VectorQuantizeState } from "../quantizers/vectorQuantize/books.ts";
import {
  type VectorQuantizeOptions,
  vectorQuantizeTable,
} from "../quantizers/vectorQuantize/options.ts";
import { vectorQuantize } from "../quantizers/vectorQuantize.ts";
import { translation } from "./translation.ts";
import { vectorMapping } from "./vectorQuantize/mapping.ts";
import { vectorModule } from "./vectorQuantize/module.ts";

/** `VectorQuantize` and `vectorQuantize`. */
export const vectorQuantizeTranslation = translation<VectorQuantizeOptions>({
  className: "VectorQuantize",
  type: "vectorQuantize",
  mapping: vectorMapping,
  make: vectorQuantize,
  module: (given) => vectorModule(vectorQuantizeTable.withDefaults(given)),

  check({ state }) {
    if (!(state as VectorQuantizeState).pending) return;
    throw new VectorQuantizeError(
      "toTorch vectorQuantize: expected a state without accumulated statistics, got state.pending. " +
        "Finish the step with a call that does not accumulate",
    );
  },
});
