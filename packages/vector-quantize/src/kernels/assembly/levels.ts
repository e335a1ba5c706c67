/** Scalar quantizers: levels and signs, to indices and back. */
export * from "./levels/encodeLevels";
export * from "./levels/residualLevels";
export * from "./levels/signs";
