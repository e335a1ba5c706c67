import type { Quantizer } from "./contract.ts";

/** Whether the indices of `quantizer` say what it puts out: all but `identity`'s do. */
export const hasCodes = ({ config }: Pick<Quantizer, "config">): boolean =>
  config.type !== "identity";
