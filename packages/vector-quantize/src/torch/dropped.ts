import { type ArrayTree, eachArray, isArray } from "../tree.ts";
import type { NamedValues } from "./kwargs.ts";

/** What a state may hold that a `state_dict` has no place for. */
const passing = {
  pending: "statistics that wait for the end of an accumulation",
  optimizer: "the state of the in-place optimizer",
  codebookGradient: "the gradient that waits for the in-place optimizer",
} as const;
/** Where states of layers stand in one another. */
const inner = ["vq", "layers", "groups"];

/** What a `state_dict` leaves out of a state, in a sentence each. */
export function droppedState(
  { state }: { readonly state: ArrayTree },
  { manualInPlaceOptimizerUpdate: manual, sharedCodebook: shared }: NamedValues,
): string[] {
  const waits = manual === true || shared === true;
  const found = (node: ArrayTree, at: string): string[] => {
    if (isArray(node)) return [];
    return Object.entries(node).flatMap(([key, part]) => {
      const place = `${at}.${key}`;
      if (inner.includes(key) || Array.isArray(node)) return found(part, place);
      if (!Object.hasOwn(passing, key) || (key === "codebookGradient" && !waits)) return [];
      return holdsArrays(part) ? [`${place}: ${passing[key as keyof typeof passing]}`] : [];
    });
  };
  return found(state, "state");
}

function holdsArrays(value: ArrayTree): boolean {
  let holds = false;
  eachArray(value, () => {
    holds = true;
  });
  return holds;
}
