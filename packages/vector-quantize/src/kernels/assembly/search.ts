/** The exact searches, and what is packed for them: one engine, compiled once. */
export * from "./search/nearest";
export * from "./search/nearestTopK";
export * from "./search/packCodebook";
export * from "./search/pruning/nearestFiltered";
export * from "./search/pruning/nearestTopKFiltered";
export * from "./search/pruning/packFilter";
export * from "./search/pruning/packKdTree";
export * from "./search/pruning/packLattice";
export * from "./search/pruning/findSubspace";
export * from "./residual/residualNearest";
export * from "./residual/residualBeam";
