import { expected } from "../errors.ts";
import { binaryMapper } from "./binaryMapper.ts";
import type { Quantizer, QuantizerConfig } from "./contract.ts";
import { factorizedVQ } from "./factorizedVQ.ts";
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
import { multiscaleVQ } from "./multiscaleVQ.ts";
import { productVQ } from "./productVQ.ts";
import { randomProjectionQuantizer } from "./randomProjectionQuantizer.ts";
import { residualFSQ } from "./residualFSQ.ts";
import { residualLFQ } from "./residualLFQ.ts";
import { residualQuantizer } from "./residualQuantizer.ts";
import { residualSimVQ } from "./residualSimVQ.ts";
import { residualVQ } from "./residualVQ.ts";
import { simVQ } from "./simVQ.ts";
import { summedQuantizer } from "./summedQuantizer.ts";
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
  if (!Array.isArray(objects)) throw expected("quantizer: objects", "a list", objects);
  return rebuilt(config, objects, 0);
}

/** How deep configurations lie in one another; a list counts. Groups of residual layers make 4. */
const deepest = 16;

function rebuilt(config: unknown, objects: UserObjects, depth: number): Quantizer {
  const { type, ...saved } = checkConfig("quantizer", config, depth);
  const known = Object.hasOwn(factories, type) ? factories : ofCodecs;
  const make = Object.hasOwn(known, type) ? known[type] : undefined;
  if (!make) throw expected("quantizer type", `one of ${Object.keys(factories).join(", ")}`, type);
  const options = Object.entries(saved).map(([option, value]) => [
    option,
    restore(value, objects, depth + 1),
  ]);
  return make(Object.fromEntries(options) as never);
}

/**
 * A user's own object in place of its name, a quantizer in place of its configuration; where an
 * object is not given, the factory says so.
 */
function restore(value: unknown, objects: UserObjects, depth: number): unknown {
  if (typeof value !== "object" || value === null) return value;
  checkDepth("quantizer", depth);
  if (Array.isArray(value)) return value.map((part) => restore(part, objects, depth + 1));
  if (Object.hasOwn(value, "type")) return rebuilt(value, objects, depth);
  const { name } = value as { name?: unknown };
  return objects.find((object) => name !== undefined && object?.name === name) ?? value;
}

/** A configuration as it is; throws unless it is an object with a type, and not too deep in others. */
export function checkConfig(where: string, config: unknown, depth = 0): QuantizerConfig {
  checkDepth(where, depth);
  const { type } = Object(config) as { type?: unknown };
  if (typeof config !== "object" || Array.isArray(config) || typeof type !== "string") {
    throw expected(`${where}: configuration`, "an object with a type", type ?? config);
  }
  return config as QuantizerConfig;
}

function checkDepth(where: string, depth: number): void {
  if (depth <= deepest) return;
  const most = `at most ${deepest} within one another`;
  throw expected(`${where}: configurations`, most, "more");
}

const factories: Record<string, (options: never) => Quantizer> = {
  binaryMapper,
  factorizedVQ,
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
  productVQ,
  randomProjectionQuantizer,
  residualQuantizer,
  residualFSQ,
  residualLFQ,
  residualSimVQ,
  residualVQ,
  simVQ,
  vectorQuantize,
};

/** Those that come with the files of known codecs, and are not trained by the command line. */
const ofCodecs: Record<string, (options: never) => Quantizer> = { multiscaleVQ, summedQuantizer };
