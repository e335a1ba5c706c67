import type { Way } from "./contract.ts";

/** What each bound does, in a line and in a few. */
export const sayings: Readonly<Record<Way | "fsq", { short: string; long: string }>> = {
  fsq: { short: "", long: "" },
  softClamp: {
    short: "Squeezed once to a little more than -1 ... 1. The default.",
    long: "the layers' levels go evenly from -1 to 1, and the input is squeezed a little wider than that, so that the outer levels are filled too. L levels of a layer fill one step of the layer before: each layer divides what is missing by L.",
  },
  bound: {
    short: "The bound of FSQ, once, in units of levels: a step is 1.",
    long: "the input is bounded once as FSQ does and then left as it is, in units of levels. Each layer divides what is missing by L - 1. The output goes up to the number of levels.",
  },
  boundNormalized: {
    short: "The same, divided so that it ends at -1 and 1.",
    long: "the same times a constant: the same codes, an output between -1 and 1. Take it where a decoder expects numbers of that size.",
  },
  none: {
    short: "Not bounded before; each layer squeezes what it gets.",
    long: "the input stays as it is, but every layer bounds what it gets by tanh, and that is never undone. So layers can't take up what is left: the curve of errors stays level. It is harmless for small inputs alone, where tanh is nearly a line.",
  },
};
