/**
 * Threads and device in Node.
 *
 * @module vector-quantize/node
 */
export { type InitNodeOptions, initNode, type NodeDevice } from "../runtime/initNode.ts";
