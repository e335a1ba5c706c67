import {
  type ResidualSimVQOptions,
  residualSimVQ,
  residualSimVQTable,
} from "../quantizers/residualSimVQ.ts";
import { numberKwarg } from "./kwargs.ts";
import { mapping, only } from "./mapping.ts";
import { layered } from "./module.ts";
import { simModule, simTerms } from "./simVQ.ts";
import { translation } from "./translation.ts";

/** `ResidualSimVQ` and `residualSimVQ`. */
export const residualSimVQTranslation = translation<ResidualSimVQOptions>({
  className: "ResidualSimVQ",
  type: "residualSimVQ",
  mapping: mapping(residualSimVQTable, [...simTerms, only({ heads: numberKwarg(1) }, "1")]),
  make: residualSimVQ,
  module: (given) => ({ fields: [], parts: layered(given.numQuantizers, simModule(given)) }),
});
