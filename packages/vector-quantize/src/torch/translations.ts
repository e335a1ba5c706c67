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
import type { ClassTranslation, Translation } from "./translation.ts";
import { vectorQuantizeTranslation } from "./vectorQuantize.ts";

/** Every class of the reference, by its name, with the type of its quantizers here. */
const classes = {
  VectorQuantize: vectorQuantizeTranslation,
  ResidualVQ: residualVQTranslation,
  SimVQ: simVQTranslation,
  ResidualSimVQ: residualSimVQTranslation,
  ResidualFSQ: residualFSQTranslation,
  ResidualLFQ: residualLFQTranslation,
  RandomProjectionQuantizer: randomProjectionQuantizerTranslation,
  HierarchicalVQ: hierarchicalVQTranslation,
  GroupedResidualVQ: groupedResidualVQTranslation,
  GroupedResidualFSQ: groupedResidualFSQTranslation,
  GroupedResidualLFQ: groupedResidualLFQTranslation,
  FSQ: fsqTranslation,
  LFQ: lfqTranslation,
  FSP: fspTranslation,
  LatentQuantize: latentQuantizeTranslation,
  BinaryMapper: binaryMapperTranslation,
};

/** The quantizer of each class of the reference. */
export type TorchClasses = {
  [Name in keyof typeof classes]: (typeof classes)[Name] extends Translation<infer Q> ? Q : never;
};

/** Every class that can be translated. A new one joins by adding its translation. */
export const translations = Object.values(classes) as unknown as readonly ClassTranslation<never>[];
