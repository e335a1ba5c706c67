import { VectorQuantizeError } from "../errors.ts";
import type { VectorQuantizeVariables } from "../quantizers/vectorQuantize/books.ts";
import {
  type VectorQuantizeOptions,
  vectorQuantizeTable,
} from "../quantizers/vectorQuantize/options.ts";
import { vectorQuantize } from "../quantizers/vectorQuantize.ts";
import { checkTensors } from "./tensors.ts";
import type { Translation } from "./translation.ts";
import { kwargsOf, optionsOf } from "./vectorQuantize/kwargs.ts";
import { absentAtFirst, shapesOf, tensorsOf, variablesOf } from "./vectorQuantize/tensors.ts";

/** `VectorQuantize` and `vectorQuantize`. */
export const vectorQuantizeTranslation: Translation = {
  className: "VectorQuantize",
  type: "vectorQuantize",

  fromTorch(kwargs, tensors) {
    const given = optionsOf(kwargs);
    const quantizer = vectorQuantize(given);
    const options = vectorQuantizeTable.withDefaults(given);
    checkTensors("fromTorch VectorQuantize", tensors, shapesOf(options), absentAtFirst);
    return { quantizer, variables: variablesOf(options, tensors) };
  },

  toTorch(config, variables) {
    const kwargs = kwargsOf(config as unknown as VectorQuantizeOptions);
    const { state } = variables as VectorQuantizeVariables;
    if (state.pending) {
      throw new VectorQuantizeError(
        "toTorch vectorQuantize: expected a state without accumulated statistics, got state.pending. " +
          "Finish the step with a call that does not accumulate",
      );
    }
    const options = vectorQuantizeTable.withDefaults(config as unknown as VectorQuantizeOptions);
    return { kwargs, tensors: tensorsOf(options, variables as VectorQuantizeVariables) };
  },
};
