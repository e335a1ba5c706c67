/** Layers of models on typed arrays: products, elementwise functions, windows, norms, losses. */
export * from "./layers/activations";
export * from "./layers/columns";
export * from "./layers/convolution";
export { dropout } from "./layers/dropout";
export * from "./layers/normalize";
export * from "./layers/pooling";
export * from "./layers/rearrange";
export * from "./layers/reconstruction";
export * from "./layers/reductions";
export * from "./layers/snake";
export { spectralDistance, Spectra } from "./layers/spectra";
export { Operation, updateBlocks } from "./layers/updates";
export { winograd, winogradOuter, Winograd } from "./layers/winograd";
export * from "./layers/winogradEnlarged";
export * from "./layers/winogradWeights";
