/** Exported files in Python's ONNX Runtime: `VQ_PYTHON` names one that has it. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type numpy as np, random, tree } from "@jax-js/jax";
import { hasCodes, type Quantizer } from "vector-quantize";
import type { Model } from "vector-quantize/nn";
import { saveSafetensors } from "vector-quantize/safetensors";
import { modelToOnnx, type OnnxFiles, toOnnx } from "vector-quantize-onnx";
import { expect, test } from "vitest";
import { modelRows, quantizerRows } from "../support/onnxRows.ts";

const python = process.env.VQ_PYTHON;
const script = fileURLToPath(new URL("../../parity/onnx_check.py", import.meta.url));

interface Case {
  readonly x: np.Array;
  readonly given: np.Array;
  readonly indices: np.Array;
  readonly output: np.Array;
}

async function write(folder: string, name: string, files: OnnxFiles, cases: Promise<Case>[]) {
  const base = join(folder, name.replace(/\W+/g, "-"));
  for (const [file, bytes] of Object.entries(files)) writeFileSync(`${base}.${file}.onnx`, bytes);
  for (const [i, each] of (await Promise.all(cases)).entries()) {
    writeFileSync(`${base}.${i}.safetensors`, await saveSafetensors({ ...each }));
  }
}

async function writeQuantizer(folder: string, { name, make, shape }: (typeof quantizerRows)[0]) {
  const quantizer = make() as Quantizer;
  const variables = quantizer.init(random.key(3));
  const own = () => tree.ref(variables as never) as typeof variables;
  const cases = [7, Number(process.env.VQ_ONNX ?? 500)].map(async (n): Promise<Case> => {
    const x = random.normal(random.key(n), [...shape(n)]);
    const { quantized, indices, ...others } = quantizer.apply(own(), x.ref);
    tree.dispose(others as never);
    const given = hasCodes(quantizer) ? indices.ref : quantized.ref;
    return { x, given, indices, output: quantized };
  });
  await write(folder, name, await toOnnx(quantizer, own()), cases);
}

async function writeModel(folder: string, { name, make, shapes }: (typeof modelRows)[0]) {
  const model: Model = make();
  const variables = model.init(random.key(3));
  const own = () => tree.ref(variables as never) as typeof variables;
  const cases = shapes.map(async (shape): Promise<Case> => {
    const x = random.normal(random.key(5), [...shape]);
    const { output, quantized: found } = model.apply(own(), x.ref);
    const { quantized, indices } = found;
    const given = hasCodes(model.quantizer) ? indices.ref : quantized;
    return { x, given, indices, output };
  });
  await write(folder, `model of ${name}`, await modelToOnnx(model, own()), cases);
}

test.runIf(python)(
  "the files pass ONNX's checker and give the same in Python",
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "onnx-"));
    try {
      for (const row of quantizerRows) await writeQuantizer(folder, row);
      for (const row of modelRows) await writeModel(folder, row);
      const { status, stdout, stderr } = spawnSync(python as string, [script, folder], {
        encoding: "utf8",
      });
      console.log(stdout);
      expect(status, stdout + stderr).toBe(0);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
  600_000,
);
