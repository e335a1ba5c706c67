import {
  type BinaryMapper,
  type BinaryMapperOptions,
  binaryMapper,
  binaryMapperTable,
} from "../quantizers/binaryMapper.ts";
import { mapping } from "./mapping.ts";
import { translation } from "./translation.ts";

/** `BinaryMapper` and `binaryMapper`, which have no arrays. */
export const binaryMapperTranslation = translation<BinaryMapperOptions, BinaryMapper>({
  className: "BinaryMapper",
  type: "binaryMapper",
  mapping: mapping(binaryMapperTable),
  make: binaryMapper,
  module: () => ({ fields: [] }),
});
