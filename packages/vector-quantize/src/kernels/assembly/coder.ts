/** Codes by an adaptive arithmetic coder: the meaning of codes/mixer.ts, bitCoder.ts and codeLayer.ts, to the bit. */
export * from "./coder/grid";
export * from "./coder/setup";
