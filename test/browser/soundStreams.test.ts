/** Sound piece by piece in a page, beside the whole there and in Node. */
import { random } from "@jax-js/jax";
import { audioAutoencoder } from "vector-quantize/nn";
import { expect } from "vitest";
import { browserTest, withPage } from "./withPage.ts";

const options = {
  strides: [2, 4],
  width: 8,
  dilations: [1, 3],
  numQuantizers: 3,
  codebookSize: 64,
};
const wave = (i: number) => Math.sin(i / 3) * Math.cos(i / 50);

async function codesInNode(): Promise<number[]> {
  const model = audioAutoencoder(options);
  const { numpy: np } = await import("@jax-js/jax");
  const x = np.array(
    Float32Array.from({ length: 500 }, (_, i) => wave(i)),
    { shape: [1, 500, 1] },
  );
  return [...(await (await model.encode(model.init(random.key(0)), x)).data())];
}

const inPage = `
const { random, numpy: np } = await import("@jax-js/jax");
const { audioAutoencoder, createSoundStreams } = await import("vector-quantize/nn");
const wave = ${wave};
const model = audioAutoencoder(${JSON.stringify(options)});
const samples = Float32Array.from({ length: 500 }, (_, i) => wave(i));
const indices = await model.encode(model.init(random.key(0)), np.array(samples, { shape: [1, 500, 1] }));
const whole = await (await model.decode(model.init(random.key(0)), indices.ref)).data();

const streams = await createSoundStreams(model, model.init(random.key(0)));
const sound = new ReadableStream({
  start(controller) {
    for (let at = 0; at < 500; at += 37) controller.enqueue(samples.subarray(at, at + 37));
    controller.close();
  },
});
const codes = [];
const seen = new TransformStream({
  transform(piece, controller) {
    codes.push(...piece.codes);
    controller.enqueue(piece);
  },
});
const decoded = [];
const reader = sound.pipeThrough(streams.encoder()).pipeThrough(seen).pipeThrough(streams.decoder()).getReader();
for (let piece = await reader.read(); !piece.done; piece = await reader.read()) decoded.push(...piece.value);
streams.dispose();
return { whole: [...(await indices.data())], codes, decoded, sound: [...whole].slice(0, 500) };
`;

for (const isolated of [true, false]) {
  const where = isolated ? "an isolated page" : "a page with one thread";
  browserTest(
    `sound in pieces is the whole to the bit in ${where}, and its codes Node's`,
    async () => {
      await withPage({ isolated }, async ({ run }) => {
        type Found = Record<"whole" | "codes" | "decoded" | "sound", number[]>;
        const { whole, codes, decoded, sound } = await run<Found>(inPage);
        expect(codes).toEqual(whole);
        expect(codes).toEqual(await codesInNode());
        expect(decoded).toEqual(sound);
      });
    },
  );
}
