import { afterAll } from "vitest";
import { initNode } from "../../packages/vector-quantize/src/entrances/node.ts";
import { countBuffers } from "./jaxBuffers.ts";
import { speedUpHash } from "./jaxHash.ts";
import { endVq } from "./vq.ts";

speedUpHash();

// Two threads find what one hides: reads of arrays that are still being computed.
await initNode({ threads: 2 });
await countBuffers();

afterAll(endVq, 30_000); // here, once a file: files that share a process have its modules made once
