import type { GradientTransformation } from "./optimizer.ts";
import type { Schedule } from "./schedules.ts";

/** What a transformation of gradients does, as plain data, for kernels to do it by. */
export type UpdateRule =
  | { readonly kind: "scale"; readonly factor: number }
  | { readonly kind: "schedule"; readonly learningRate: Schedule }
  | { readonly kind: "decay"; readonly share: number }
  | { readonly kind: "adam"; readonly b1: number; readonly b2: number; readonly eps: number }
  | { readonly kind: "momentum"; readonly decay: number; readonly nesterov: boolean }
  | { readonly kind: "clip"; readonly maxNorm: number }
  | { readonly kind: "chain"; readonly rules: readonly UpdateRule[] }
  | {
      readonly kind: "partition";
      readonly rules: Readonly<Record<string, UpdateRule>>;
      readonly groupOf: (path: string) => string;
    }
  | { readonly kind: "multiSteps"; readonly rule: UpdateRule; readonly every: number };

/** By `update`, so that a transformation with another one, made of ours, is not taken for ours. */
const rules = new WeakMap<GradientTransformation["update"], UpdateRule>();

/** The transformation, with the rule that its `update` follows, if there is one. */
export function withRule(
  transformation: GradientTransformation,
  rule: UpdateRule | undefined,
): GradientTransformation {
  if (rule) rules.set(transformation.update, rule);
  return transformation;
}

/** The rule of a transformation; undefined for one that has none, such as a user's own. */
export const ruleOf = ({ update }: GradientTransformation): UpdateRule | undefined =>
  rules.get(update);
