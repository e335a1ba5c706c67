import {
  type ResidualLFQOptions,
  residualLFQ,
  residualLFQTable,
} from "../quantizers/residualLFQ.ts";
import { required } from "./kwargs.ts";
import { binaryTerms, mask } from "./lfq.ts";
import { mapping } from "./mapping.ts";
import { layered, linearMaps, rotation } from "./module.ts";
import { scalarTerms } from "./residualFSQ.ts";
import { translation } from "./translation.ts";

/** `ResidualLFQ` and `residualLFQ`. */
export const residualLFQTranslation = translation<ResidualLFQOptions>({
  className: "ResidualLFQ",
  type: "residualLFQ",
  mapping: mapping(residualLFQTable, [...scalarTerms, ...binaryTerms, { options: ["layout"] }], {
    codebook_size: required,
  }),
  make: residualLFQ,
  module({ dim, codebookSize, numQuantizers, orthogonalRotation: rotated }) {
    const bits = Math.log2(codebookSize);
    const fields = [...(rotated ? [rotation(bits)] : []), mask(bits)];
    return { fields: linearMaps(dim, bits), parts: layered(numQuantizers, { fields }) };
  },
});
