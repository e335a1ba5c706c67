import { random, tree } from "@jax-js/jax";
import { vectorQuantize } from "vector-quantize";
import {
  audioAutoencoder,
  imageAutoencoder,
  loadModel,
  saveModel,
  sequential,
} from "vector-quantize/nn";
import { expect, test } from "vitest";
import { type Numbers, openOnnx } from "../../../../test/support/onnxFile.ts";
import { exportOnnx } from "./exportOnnx.ts";

test.each([
  [
    "a model of images",
    imageAutoencoder({ patch: 4, width: 8, depth: 0, codeDim: 4 }),
    [2, 8, 12, 3],
    "Images go in and come out channels last",
  ],
  [
    "a model of sounds",
    audioAutoencoder({ strides: [2, 3], width: 4, codeDim: 4, codebookSize: 8, numQuantizers: 2 }),
    [2, 31, 1],
    "Sounds go in and come out as [batch, length, 1]",
  ],
  [
    "a quantizer alone",
    sequential([vectorQuantize({ dim: 4, codebookSize: 8, layout: "image" }) as never]),
    [2, 4, 2, 3],
    'run(None, {"x": vectors})',
  ],
])("%s from a file gives its codes in ONNX Runtime", async (_, made, shape, note) => {
  const saved = await saveModel(made, made.init(random.key(1)));
  const { model, variables } = loadModel(saved);
  const { files, notes } = await exportOnnx({ model, variables });
  expect(notes.join("\n")).toContain(note);
  expect(Object.keys(files)).toEqual(["encode.onnx", "decode.onnx", "apply.onnx"]);
  const session = await openOnnx(files["encode.onnx"] as Uint8Array);
  const x = random.uniform(random.key(2), shape);
  const data = (await x.ref.data()) as Float32Array;
  const [indices] = (await session.run({ data, shape })) as [Numbers];
  const ours = await model.encode(tree.ref(variables as never) as typeof variables, x);
  expect(indices).toEqual({ shape: ours.shape, data: await ours.data() });
  await session.close();
  tree.dispose(variables as never);
});
