/**
 * A service that makes codes of pictures and pictures of codes.
 *
 *   node examples/service.ts --model runs/photos/model.safetensors --port 8080
 *   curl --data-binary @pixels.rgb localhost:8080/encode > codes.json      # 32 x 32 x 3 bytes a picture
 *   curl --data-binary @codes.json localhost:8080/decode > pixels.rgb
 *
 * Without a model of `vq train` it has one that has learned nothing.
 *
 * Measured: two pictures come back as 2 x 8 x 8 codes; a body of another size is an error of status 400.
 */
import "vector-quantize"; // before jax-js: gives it threads in Node
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { parseArgs } from "node:util";
import { numpy as np, random, tree } from "@jax-js/jax";
import { checkIndices, VectorQuantizeError } from "vector-quantize";
import { toBytes, toFloats } from "vector-quantize/data";
import { imageAutoencoder, loadModel } from "vector-quantize/nn";

const { values: flags } = parseArgs({
  options: { model: { type: "string" }, port: { type: "string", default: "8080" } },
});
const { model, variables } = flags.model ? loadModel(readFileSync(flags.model)) : fresh();
const [size, channels] = [32, 3];
const bytesEach = size * size * channels;

async function encode(body: Uint8Array): Promise<string> {
  if (body.length === 0 || body.length % bytesEach !== 0) {
    throw new VectorQuantizeError(`expected ${bytesEach} bytes a picture, got ${body.length}`);
  }
  const count = body.length / bytesEach;
  const images = { count, height: size, width: size, channels, pixels: body };
  const floats = toFloats(images, [...Array(count).keys()]);
  const codes = await model.encode(
    tree.ref(variables),
    np.array(floats, { shape: [count, size, size, channels] }),
  );
  const { shape } = codes;
  return JSON.stringify({ shape, codes: [...(await codes.data())] });
}

async function decode(body: Uint8Array): Promise<Uint8Array> {
  const { shape, codes } = JSON.parse(new TextDecoder().decode(body));
  const indices = np.array(Int32Array.from(codes), { shape, dtype: np.int32 });
  await checkIndices(model.quantizer, indices.ref);
  const output = await model.decode(tree.ref(variables), indices);
  return toBytes(await output.data());
}

const routes: Record<string, (body: Uint8Array) => Promise<string | Uint8Array>> = {
  "/encode": encode,
  "/decode": decode,
};

async function answer(
  request: IncomingMessage,
): Promise<[status: number, body: string | Uint8Array]> {
  const route = routes[request.url ?? ""];
  if (request.method !== "POST" || !route) return [404, "POST to /encode or /decode\n"];
  try {
    return [200, await route(new Uint8Array(await buffer(request)))];
  } catch (error) {
    return [400, `${(error as Error).message}\n`];
  }
}

export const server = createServer(async (request, response) => {
  const [status, body] = await answer(request);
  response.writeHead(status).end(body);
}).listen(Number(flags.port), "127.0.0.1", () => {
  console.log(`listening on port ${(server.address() as AddressInfo).port}`);
});

function fresh() {
  const model = imageAutoencoder({ patch: 4 });
  return { model, variables: model.init(random.key(0)) };
}
