import {
  type VectorQuantizeOptions,
  vectorQuantizeTable,
} from "../quantizers/vectorQuantize/options.ts";
import { type VectorQuantizer, vectorQuantize } from "../quantizers/vectorQuantize.ts";
import { translation } from "./translation.ts";
import { vectorMapping } from "./vectorQuantize/mapping.ts";
import { vectorModule } from "./vectorQuantize/module.ts";

/** `VectorQuantize` and `vectorQuantize`. */
export const vectorQuantizeTranslation = translation<VectorQuantizeOptions, VectorQuantizer>({
  className: "VectorQuantize",
  type: "vectorQuantize",
  mapping: vectorMapping,
  make: vectorQuantize,
  module: (given) => vectorModule(vectorQuantizeTable.withDefaults(given)),
});
