export { type InitNodeOptions, initNode, type NodeDevice } from "../runtime/initNode.ts";
