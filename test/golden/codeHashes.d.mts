export function codeHashes(
  library: Pick<typeof import("vector-quantize"), "quantizerFromConfig">,
  jax: Pick<typeof import("@jax-js/jax"), "numpy" | "random">,
): Promise<Record<string, string>>;
