import { binaryMapperTranslation } from "./binaryMapper.ts";
import { fspTranslation } from "./fsp.ts";
import { fsqTranslation } from "./fsq.ts";
import {
  groupedResidualFSQTranslation,
  groupedResidualLFQTranslation,
  groupedResidualVQTranslation,
} from "./grouped.ts";
import { hierarchicalVQTranslation } from "./hierarchicalVQ.ts";
import { latentQuantizeTranslation } from "./latentQuantize.ts";
import { lfqTranslation } from "./lfq.ts";
import { randomProjectionQuantizerTranslation } from "./randomProjection.ts";
import { residualFSQTranslation } from "./residualFSQ.ts";
import { residualLFQTranslation } from "./residualLFQ.ts";
import { residualSimVQTranslation } from "./residualSimVQ.ts";
import { residualVQTranslation } from "./residualVQ.ts";
import { simVQTranslation } from "./simVQ.ts";
import type { ClassTranslation } from "./translation.ts";
import { vectorQuantizeTranslation } from "./vectorQuantize.ts";

/** Every class that can be translated. A new one joins by adding its translation. */
export const translations: readonly ClassTranslation<never>[] = [
  vectorQuantizeTranslation,
  residualVQTranslation,
  simVQTranslation,
  residualSimVQTranslation,
  residualFSQTranslation,
  residualLFQTranslation,
  randomProjectionQuantizerTranslation,
  hierarchicalVQTranslation,
  groupedResidualVQTranslation,
  groupedResidualFSQTranslation,
  groupedResidualLFQTranslation,
  fsqTranslation,
  lfqTranslation,
  fspTranslation,
  latentQuantizeTranslation,
  binaryMapperTranslation,
];
