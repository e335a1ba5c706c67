import { expected } from "../errors.ts";
import { binaryMapper } from "./binaryMapper.ts";
import type { Quantizer, QuantizerConfig } from "./contract.ts";
import { fsp } from "./fsp.ts";
import { fsq } from "./fsq.ts";
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

/** A user's own object in place of its name; where it is not given, the factory says so. */
function restore(value: unknown, objects: UserObjects): unknown {
  const name = typeof value === "object" && value !== null && "name" in value && value.name;
  return objects.find((object) => object.name === name) ?? value;
}

const factories: Record<string, (options: never) => Quantizer> = {
  binaryMapper,
  fsp,
  fsq,
  groupedResidualFSQ,
  groupedResidualLFQ,
  groupedResidualVQ,
  latentQuantize,
  hierarchicalVQ,
  identity,
  lfq,
  randomProjectionQuantizer,
  residualFSQ,
  residualLFQ,
  residualSimVQ,
  residualVQ,
  simVQ,
  vectorQuantize,
};
