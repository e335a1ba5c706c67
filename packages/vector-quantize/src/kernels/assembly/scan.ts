/** Search in codes: RaBitQ, tables of queries, scans, and what is done with the best. */
export { finish } from "./scan/finish";
export { interleave, prepareParts, prepareSigns } from "./scan/prepare";
export { encodeSigns } from "./scan/rabitq";
export { multiplyRows } from "./scan/rotate";
export { scanBytes } from "./scan/scanBytes";
export { scanNibbles } from "./scan/scanNibbles";
