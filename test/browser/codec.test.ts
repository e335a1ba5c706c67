/** Codes of a PyTorch file in a page and in a worker of it, beside those that PyTorch found. */
import { build } from "esbuild";
import { expect } from "vitest";
import { encodeSafetensors } from "../../packages/vector-quantize/src/checkpoint/safetensorsFormat.ts";
import { recordedCases } from "../parity/cases.ts";
import { root } from "../support/paths.ts";
import { browserTest, withPage } from "./withPage.ts";

const recorded = recordedCases("ResidualVQ").find(({ name }) => name === "rvq-projected-eval");
const { kwargs, state, steps } = recorded as NonNullable<typeof recorded>;
const file = JSON.stringify([...encodeSafetensors(state)]);
const { x } = steps[0]?.in ?? {};
const { indices, quantized } = steps[0]?.out ?? {};

const encodeInPage = `
const { createCodec } = await import("vector-quantize");
const { fromTorch } = await import("vector-quantize/torch");
const { readSafetensors } = await import("vector-quantize/safetensors");
const bytes = Uint8Array.from(${file});
const x = Float32Array.from(${JSON.stringify(x && [...x.data])});

const { quantizer, variables } = fromTorch("ResidualVQ", ${JSON.stringify(kwargs)}, readSafetensors(bytes).tensors);
const codec = createCodec(quantizer, variables);
const codes = await codec.encode(x, { shape: ${JSON.stringify(x?.shape)} });
`;

/** What stands in a worker: a bundle, since workers have no import map. */
const inWorker = `
import { codecFromBytes } from "vector-quantize";
onmessage = async ({ data }) => {
  try {
    const codec = codecFromBytes(data.codec);
    const codes = await codec.encode(data.x, { shape: data.shape });
    const decoded = await codec.decode(codes, { shape: codes.shape });
    codec.dispose();
    postMessage({ codes, decoded }, [codes.buffer, decoded.buffer]);
  } catch (error) {
    postMessage(String(error));
  }
};
`;

async function workerScript(): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: inWorker, resolveDir: root },
    bundle: true,
    format: "esm",
    platform: "browser",
    write: false,
  });
  return outputFiles[0]?.text as string;
}

browserTest("a PyTorch file gives its codes in the page and in a worker", async () => {
  const script = JSON.stringify(await workerScript());
  await withPage({ isolated: true }, async ({ run }) => {
    const found = await run<Record<"page" | "worker" | "decoded", number[]>>(`
      ${encodeInPage}
      const url = URL.createObjectURL(new Blob([${script}], { type: "text/javascript" }));
      const worker = new Worker(url, { type: "module" });
      const answer = new Promise((resolve, reject) => {
        worker.onmessage = ({ data }) => (typeof data === "string" ? reject(data) : resolve(data));
        worker.onerror = (event) => reject(event.message);
      });
      worker.postMessage({ codec: await codec.toBytes(), x, shape: ${JSON.stringify(x?.shape)} });
      const data = await answer;
      codec.dispose();
      return { page: [...codes], worker: [...data.codes], decoded: [...data.decoded] };
    `);
    const codes = [...(indices?.data ?? [])];
    expect(codes.length).toBeGreaterThan(0);
    expect(found.page).toEqual(codes);
    expect(found.worker).toEqual(codes);
    const furthest = found.decoded.map((value, at) =>
      Math.abs(value - Number(quantized?.data[at])),
    );
    expect(Math.max(...furthest)).toBeLessThan(1e-5);
  });
});
