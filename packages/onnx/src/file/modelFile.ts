/**
 * The bytes of an ONNX model: the messages of onnx.proto that we need, field by field.
 * https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { type ElementType, elementTypes, type FileTensor } from "./tensor.ts";

/** Operators' version: onnxruntime has it since 1.14. */
const operatorSet = 18;
const irVersion = 8;

/** An attribute: a whole number, a text, or lists of numbers. */
export type Attribute =
  | { readonly int: number }
  | { readonly text: string }
  | { readonly ints: readonly number[] };

export interface FileNode {
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** An input or output: sizes by number, and by name where they are free. */
export interface FilePort {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly (number | string)[];
}

export interface FileGraph {
  readonly name: string;
  readonly nodes: readonly FileNode[];
  readonly tensors: ReadonlyMap<string, FileTensor>;
  readonly inputs: readonly FilePort[];
  readonly outputs: readonly FilePort[];
}

/** The file of a graph, with texts beside it. */
export function writeModelFile(
  graph: FileGraph,
  producer: { readonly name: string; readonly version: string },
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const file = new BinaryWriter();
  number(file, 1, irVersion);
  text(file, 2, producer.name);
  text(file, 3, producer.version);
  message(file, 7, (to) => writeGraph(to, graph));
  message(file, 8, (to) => {
    text(to, 1, "");
    number(to, 2, operatorSet);
  });
  for (const [key, value] of Object.entries(metadata)) {
    message(file, 14, (to) => {
      text(to, 1, key);
      text(to, 2, value);
    });
  }
  return file.finish();
}

function writeGraph(to: BinaryWriter, graph: FileGraph): void {
  for (const node of graph.nodes) message(to, 1, (inner) => writeNode(inner, node));
  text(to, 2, graph.name);
  for (const [name, tensor] of graph.tensors) {
    message(to, 5, (inner) => writeTensor(inner, name, tensor));
  }
  for (const port of graph.inputs) message(to, 11, (inner) => writePort(inner, port));
  for (const port of graph.outputs) message(to, 12, (inner) => writePort(inner, port));
}

function writeNode(to: BinaryWriter, { operator, inputs, outputs, attributes }: FileNode): void {
  for (const name of inputs) text(to, 1, name);
  for (const name of outputs) text(to, 2, name);
  text(to, 3, `${operator}:${outputs[0]}`);
  text(to, 4, operator);
  for (const [name, attribute] of Object.entries(attributes)) {
    message(to, 5, (inner) => writeAttribute(inner, name, attribute));
  }
}

function writeAttribute(to: BinaryWriter, name: string, attribute: Attribute): void {
  text(to, 1, name);
  if ("int" in attribute) {
    number(to, 3, attribute.int);
    number(to, 20, 2);
  } else if ("text" in attribute) {
    text(to, 4, attribute.text);
    number(to, 20, 3);
  } else {
    for (const each of attribute.ints) number(to, 8, each);
    number(to, 20, 7);
  }
}

function writeTensor(to: BinaryWriter, name: string, { type, shape, bytes }: FileTensor): void {
  for (const size of shape) number(to, 1, size);
  number(to, 2, elementTypes[type]);
  text(to, 8, name);
  to.tag(9, WireType.LengthDelimited).bytes(bytes);
}

function writePort(to: BinaryWriter, { name, type, shape }: FilePort): void {
  text(to, 1, name);
  message(to, 2, (valueType) =>
    message(valueType, 1, (tensorType) => {
      number(tensorType, 1, elementTypes[type]);
      message(tensorType, 2, (sizes) => {
        for (const size of shape) {
          message(sizes, 1, (axis) =>
            typeof size === "number" ? number(axis, 1, size) : text(axis, 2, size),
          );
        }
      });
    }),
  );
}

function message(to: BinaryWriter, field: number, write: (inner: BinaryWriter) => void): void {
  to.tag(field, WireType.LengthDelimited).fork();
  write(to);
  to.join();
}

function text(to: BinaryWriter, field: number, value: string): void {
  to.tag(field, WireType.LengthDelimited).string(value);
}

function number(to: BinaryWriter, field: number, value: number): void {
  to.tag(field, WireType.Varint).int64(value);
}
