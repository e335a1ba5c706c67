import { readdirSync, readFileSync } from "node:fs";
import type { HostTensor } from "../../packages/vector-quantize/src/checkpoint/dtypes.ts";
import { decodeSafetensors } from "../../packages/vector-quantize/src/checkpoint/safetensorsFormat.ts";

/** Tensors by name. */
export type Tensors = Record<string, HostTensor>;

/** Constructor options of the reference. */
export type Kwargs = {
  readonly use_cosine_sim?: boolean;
  readonly decay?: number;
  readonly threshold_ema_dead_code?: number;
  readonly kmeans_init?: boolean;
  readonly [name: string]: unknown;
};

/** How a case is compared where draws decide; `parity/README.md` explains the words. */
export type Comparison =
  | "firstLayer"
  | "replaced"
  | "drawn"
  | "noised"
  | "subset"
  | "clustered"
  | "unweighted";

/** Plain arguments of a call; a tensor argument is `{ tensor: true }`, a function has a label. */
export type CallArguments = Readonly<Record<string, unknown>>;

/** What the reference did in one call. */
export interface RecordedStep {
  readonly method: string;
  readonly arguments: CallArguments;
  /** Tensor arguments, and the random `weight` of the differentiated sum. */
  readonly in: Tensors;
  readonly out: Tensors;
  readonly grad: Tensors;
  /** The entries of the state that the call changed. */
  readonly state: Tensors;
}

/** A case of `parity/cases`, recorded from the reference. */
export interface RecordedCase {
  readonly name: string;
  readonly class: string;
  readonly kwargs: Kwargs;
  readonly training: boolean;
  /** The option that our quantizer does not have yet. */
  readonly waits?: string;
  readonly compare?: Comparison;
  readonly steps: readonly RecordedStep[];
  /** The `state_dict` before the first step. */
  readonly state: Tensors;
}

const folder = new URL("../../parity/cases/", import.meta.url);

/** Every recorded case of a class of the reference. */
export function recordedCases(className: string): RecordedCase[] {
  const names = readdirSync(folder).filter((file) => file.endsWith(".json"));
  return names
    .map((file) => readCase(file.slice(0, -".json".length)))
    .filter((recorded) => recorded.class === className);
}

function readCase(name: string): RecordedCase {
  const described = JSON.parse(readFileSync(new URL(`${name}.json`, folder), "utf8"));
  const { tensors } = decodeSafetensors(readFileSync(new URL(`${name}.safetensors`, folder)), name);
  const steps = described.steps.map((step: object, number: number) => ({
    ...step,
    in: below(tensors, `step${number}/in/`),
    out: below(tensors, `step${number}/out/`),
    grad: below(tensors, `step${number}/grad/`),
    state: below(tensors, `step${number}/state/`),
  }));
  return { ...described, steps, state: below(tensors, "state/") };
}

/** The tensors whose names start with `prefix`, named by what follows. */
function below(tensors: Tensors, prefix: string): Tensors {
  return Object.fromEntries(
    Object.entries(tensors)
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, tensor]) => [name.slice(prefix.length), tensor]),
  );
}

/** The recorded tensor of that name; throws if there is none. */
export function tensor(tensors: Tensors, name: string): HostTensor {
  const found = tensors[name];
  if (!found) throw new Error(`no recorded tensor "${name}" among ${Object.keys(tensors)}`);
  return found;
}
