import { expected } from "../errors.ts";
import { binaryMapper } from "./binaryMapper.ts";
import type { Quantizer, QuantizerConfig } from "./contract.ts";
import { fsp } from "./fsp.ts";
import { fsq } from "./fsq.ts";
import { groupedQuantizer } from "./groupedQuantizer.ts";
import { groupedResidualFSQ } from "./groupedResidualFSQ.ts";
import { groupedResidualLFQ } from "./groupedResidualLFQ.ts";
import { groupedResidualVQ } from "./groupedResidualVQ.ts";
import { hierarchicalVQ } from "./hierarchicalVQ.ts";
import { identity } from "./identity.ts";
import { latentQuantize } from "./latentQuantize.ts";
import { lfq } from "./lfq.ts";
import { randomProjectionQuantizer } from "./randomProjectionQuantizer.ts";
import { residualFSQ } from "./residualFSQ.ts";
import { residualLFQ } from "./residualLFQ.ts";
import { residualQuantizer } from "./residualQuantizer.ts";
import { residualSimVQ } from "./residualSimVQ.ts";
import { residualVQ } from "./residualVQ.ts";
import { simVQ } from "./simVQ.ts";
import { vectorQuantize } from "./vectorQuantize.ts";

/** Functions and objects of the user's own, with the names by which a configuration saved them. */
export type UserObjects = readonly { readonly name: string }[];

/**
 * Rebuilds a quantizer from its `config`.
 *
 * @param objects the user's own objects that the configuration names, if any
 * @throws VectorQuantizeError for an unknown type or option, or an object that is not given
 */
export function quantizerFromConfig(config: QuantizerConfig, objects: UserObjects = []): Quantizer {
  const { type, ...saved } = config;
  const make = factories[type];
  if (!make) throw expected("quantizer type", `one of ${Object.keys(factories).join(", ")}`, type);
  const options = Object.fromEntries(
    Object.entries(saved).map(([option, value]) => [option, restore(value, objects)]),
  );
  return make(options as never);
}

/**
 * A user's own object in place of its name, a quantizer in place of its configuration; where an
 * object is not given, the factory says so.
 */
function restore(value: unknown, objects: UserObjects): unknown {
  if (Array.isArray(value)) return value.map((part) => restore(part, objects));
  if (typeof value !== "object" || value === null) return value;
  if ("type" in value) return quantizerFromConfig(value as QuantizerConfig, objects);
  return objects.find((object) => "name" in value && object.name === value.name) ?? value;
}

const factories: Record<string, (options: never) => Quantizer> = {
  binaryMapper,
  fsp,
  fsq,
  groupedQuantizer,
  groupedResidualFSQ,
  groupedResidualLFQ,
  groupedResidualVQ,
  latentQuantize,
  hierarchicalVQ,
  identity,
  lfq,
  randomProjectionQuantizer,
  residualQuantizer,
  residualFSQ,
  residualLFQ,
  residualSimVQ,
  residualVQ,
  simVQ,
  vectorQuantize,
};
