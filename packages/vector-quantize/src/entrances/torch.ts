/** `vector-quantize/torch`: quantizers of the reference, to and from here. */
import "../pageThreads.ts";

export * from "../torch/fromTorch.ts";
