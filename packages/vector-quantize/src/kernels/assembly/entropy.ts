/** Entropies of binary codes. */
export * from "./entropy/codeEntropy";
