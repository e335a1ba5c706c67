/** ONNX files in onnxruntime-web, in this process. */
import * as ort from "onnxruntime-web";

ort.env.wasm.numThreads = 1;
ort.env.logLevel = "error";

/** Numbers and their shape. */
export interface Numbers {
  readonly data: Float32Array | Int32Array | BigInt64Array;
  readonly shape: readonly number[];
}

export interface OpenOnnx {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** The outputs in order, for the one input. */
  run(input: Numbers): Promise<Numbers[]>;
  close(): Promise<void>;
}

export async function openOnnx(bytes: Uint8Array): Promise<OpenOnnx> {
  // onnxruntime-web puts a Worker of its own there, which jax-js's threads can't use.
  const { Worker } = globalThis;
  const session = await ort.InferenceSession.create(bytes).finally(() => {
    globalThis.Worker = Worker;
  });
  const { inputNames, outputNames } = session;
  return {
    inputs: inputNames,
    outputs: outputNames,
    async run({ data, shape }) {
      const type = { F: "float32", I: "int32", B: "int64" }[data.constructor.name[0] as "F"];
      const tensor = new ort.Tensor(type as "float32", data as Float32Array, [...shape]);
      const results = await session.run({ [inputNames[0] as string]: tensor });
      return outputNames.map((name) => {
        const { data: numbers, dims } = results[name] as ort.Tensor;
        return { data: numbers as Float32Array, shape: dims };
      });
    },
    close: () => session.release(),
  };
}
