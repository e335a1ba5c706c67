import { numpy as np, random, tree } from "@jax-js/jax";
import { residualVQ } from "vector-quantize";
import { hostRandom } from "vector-quantize/data";
import { audioAutoencoder } from "vector-quantize/nn";
import { expect, test } from "vitest";
import { collected } from "../input/sound/collected.ts";
import { codeChooser } from "./rdo.ts";
import { createSoundCodec } from "./sounds.ts";

test.each([
  [true, 70_001],
  [false, 150_001],
])(
  "causal: %s: %i samples in any pieces have the codes and samples of the whole",
  async (causal, length) => {
    const quantizer = residualVQ({ dim: 4, codebookSize: 16, numQuantizers: 2 });
    const model = audioAutoencoder({
      ...{ strides: [4, 5], width: 2, dilations: [1, 3], codeDim: 4, causal, quantizer },
    });
    const fresh = model.init(random.key(1));
    const draw = hostRandom(5, length);
    const sound = Float32Array.from({ length }, () => draw.uniform() - 0.5);
    const array = (size: number) => np.array(sound.slice(0, size), { shape: [1, size, 1] });
    const variables = await model.fit(fresh, array(4000), { key: random.key(2) });
    const whole = await model.encode(tree.ref(variables as never), array(length));
    const codes = (await whole.ref.data()) as Int32Array;
    const decoded = await (await model.decode(tree.ref(variables as never), whole)).data();

    const details = { sounds: { sampleRate: 8000, samples: 800, causal }, path: "m" };
    const file = { model, variables, ...details };
    using codec = await createSoundCodec(file);
    function* pieces() {
      for (let at = 0; at < length; ) {
        const size = 1 + draw.below(length / 3);
        yield sound.slice(at, at + size);
        at += size;
      }
    }
    expect(new Set(codes).size).toBeGreaterThan(8);
    const coded = await codec.encode(pieces(), "a");
    expect(coded.every((code, i) => code === codes[i]) && coded.length === codes.length).toBe(true);
    // Where bits are worth nothing, the codes that are chosen are the nearest.
    using choosing = await createSoundCodec(file, await codeChooser(file, 0));
    const chosen = await choosing.encode(pieces(), "a");
    expect(chosen.every((code, i) => code === codes[i]) && chosen.length === codes.length).toBe(
      true,
    );
    const made = await collected(codec.decode(coded, "a"));
    expect(made.length).toBe(Math.ceil(length / 20) * 20);
    expect(made.every((sample, i) => sample === decoded[i])).toBe(true);
    tree.dispose(variables as never);
  },
);
