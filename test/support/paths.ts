import { fileURLToPath } from "node:url";

/** The repository, without a slash at the end. */
export const root = fileURLToPath(new URL("../..", import.meta.url)).replace(/[/\\]$/, "");

/** The core package. */
export const packageRoot = `${root}/packages/vector-quantize`;
