import { expected } from "../errors.ts";
import { checkModelVariables } from "../nn/checks.ts";
import { checkAlive, checkArray, checkKeyArray, checkTree } from "../quantizers/guard/arguments.ts";
import { isRecord, release } from "../tree.ts";
import { besideHeld } from "./holdings.ts";

/** Throws, and gives up what was `given` by name, unless `check` passes and `all` may be taken over. */
function checkGiven(
  where: string,
  given: Record<string, unknown>,
  check: () => void,
  all = given,
): void {
  try {
    check();
    checkAlive(where, all);
  } catch (error) {
    release(given);
    throw error;
  }
}

/** Throws unless `state` is a trainer's and `batch` an array of floats. */
export function checkStep(where: string, state: unknown, batch: unknown): void {
  const beside = besideHeld(state); // the rest of such a state is as a step made it
  checkGiven(
    where,
    { state, batch },
    () => {
      if (!beside) checkState(where, state);
      checkArray(where, "batch", batch, "float32");
    },
    { state: beside ?? state, batch },
  );
}

/** Throws unless `state` is a trainer's. */
export function checkAveraged(where: string, state: unknown): void {
  checkGiven(where, { state }, () => checkState(where, state));
}

/** Throws unless `variables` are a model's and `batch` an array of floats. */
export function checkEvaluation(where: string, variables: unknown, batch: unknown): void {
  checkGiven(where, { variables, batch }, () => {
    checkModelVariables(where, variables);
    checkArray(where, "batch", batch, "float32");
  });
}

/** Throws unless `key` is a key. */
export function checkInit(where: string, key: unknown): void {
  checkGiven(where, { key }, () => checkKeyArray(where, "key", key));
}

/** Throws unless `variables` are a model's and `key` a key. */
export function checkStart(where: string, variables: unknown, key: unknown): void {
  checkGiven(where, { variables, key }, () => {
    checkModelVariables(where, variables);
    checkKeyArray(where, "key", key);
  });
}

/** Throws unless the output can be compared to the batch. */
export function checkOutput(output: readonly number[], batch: readonly number[]): void {
  if (String(output) === String(batch)) return;
  throw expected("training step: the model's output", `the batch's shape [${batch}]`, output);
}

function checkState(where: string, state: unknown): void {
  const parts = ["variables", "optimizer", "key", "step", "average"];
  if (isRecord(state) && parts.every((part) => part in state)) {
    checkModelVariables(`${where}: state`, state.variables);
    checkKeyArray(where, "state.key", state.key);
    checkArray(where, "state.step", state.step, "int32");
    checkTree(where, "state", state);
    return;
  }
  const mend =
    state instanceof Promise
      ? "It is a promise: await it"
      : "Take it from init, start, or the result of the step before, where it is called state";
  throw expected(`${where}: state`, `a trainer's state, { ${parts.join(", ")} }`, state, mend);
}
