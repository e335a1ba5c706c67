import { initNode } from "../../packages/vector-quantize/src/entrances/node.ts";
import { countBuffers } from "./jaxBuffers.ts";
import { speedUpHash } from "./jaxHash.ts";

speedUpHash();

// Two threads find what one hides: reads of arrays that are still being computed.
await initNode({ threads: 2 });
await countBuffers();
