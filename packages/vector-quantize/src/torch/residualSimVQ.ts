import type { ResidualQuantizer } from "../quantizers/residual.ts";
import {
  type ResidualSimVQOptions,
  residualSimVQ,
  residualSimVQTable,
} from "../quantizers/residualSimVQ.ts";
import { numberKwarg } from "./kwargs.ts";
import { mapping, oneInAll, only } from "./mapping.ts";
import { layered } from "./module.ts";
import { simModule, simTerms } from "./simVQ.ts";
import { translation } from "./translation.ts";

/** `ResidualSimVQ` and `residualSimVQ`. */
export const residualSimVQTranslation = translation<ResidualSimVQOptions, ResidualQuantizer>({
  className: "ResidualSimVQ",
  type: "residualSimVQ",
  mapping: mapping(residualSimVQTable, [
    ...simTerms,
    only({ heads: numberKwarg(1) }, "1"),
    {
      lost: ({ codebookTransform: own, numQuantizers: layers }) =>
        own !== undefined &&
        (layers as number) > 1 &&
        oneInAll("codebookTransform", "layer.code_transform"),
    },
  ]),
  make: residualSimVQ,
  module: (given) => ({ fields: [], parts: layered(given.numQuantizers, simModule(given)) }),
});
