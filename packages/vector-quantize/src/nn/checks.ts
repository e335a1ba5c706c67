import { expected } from "../errors.ts";
import { checkTree } from "../quantizers/guard/arguments.ts";
import { isRecord } from "../tree.ts";

/** Throws unless `variables` are a model's. */
export function checkModelVariables(where: string, variables: unknown): void {
  const { params } = isRecord(variables) ? variables : {};
  const parts = ["encoder", "quantizer", "decoder"];
  if (isRecord(params) && parts.every((part) => part in params)) {
    checkTree(where, "variables", variables);
    return;
  }
  throw expected(
    `${where}: variables`,
    "a model's, { params: { encoder, quantizer, decoder }, state }",
    variables,
    variables instanceof Promise ? "It is a promise: await it" : undefined,
  );
}
