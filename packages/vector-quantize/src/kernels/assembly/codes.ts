/** What is done with codes that are found: statistics, sums, the way back of gradients. */
export * from "./codes/assignStats";
export * from "./codes/gather";
export { uniform } from "./codes/uniform";
export * from "./residual/residualPass";
