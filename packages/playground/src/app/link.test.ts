import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { scenes } from "../scenes/list.ts";
import { linkOf, placeOf, settingsIn, usualIn, withDefaults } from "./link.ts";

const defaults = { shape: "moons", seed: 1, options: { codebookSize: 24, metric: "euclidean" } };

describe("a link", () => {
  it("says only what is not as usual", () => {
    const settings = { ...defaults, seed: 3, options: { ...defaults.options, decay: 0.9 } };
    expect(linkOf("codebook", settings, defaults)).toBe("#/codebook?seed=3&options.decay=0.9");
    expect(linkOf("codebook", defaults, defaults)).toBe("#/codebook");
  });

  it("brings back what it was made of", () => {
    const value = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.array(fc.integer()));
    const options = fc.dictionary(fc.stringMatching(/^[a-z]\w*$/), value);
    fc.assert(
      fc.property(fc.string(), fc.integer(), options, (shape, seed, given) => {
        const settings = { shape, seed, options: { ...defaults.options, ...given } };
        const { scene, settings: found } = placeOf(linkOf("codebook", settings, defaults));
        expect(scene).toBe("codebook");
        expect(withDefaults(found, defaults)).toEqual(settings);
      }),
    );
  });

  it("takes no settings that a scene has not, nor other kinds of them", () => {
    const { settings } = placeOf("#/x?seed.a=1&options=7&other=2&__proto__.polluted=1&shape=rings");
    expect(withDefaults(settings, defaults)).toEqual({ ...defaults, shape: "rings" });
    expect(Object(settings).polluted).toBeUndefined();
  });

  it("is short for every quantizer, and takes nothing over from another one", () => {
    for (const scene of scenes) {
      for (const [quantizer, { options }] of Object.entries(scene.kinds ?? {})) {
        const settings = { ...scene.defaults, quantizer, options };
        const link = linkOf(scene.id, settings, usualIn(scene, settings));
        expect(link.length).toBeLessThan(50);
        expect(settingsIn(scene, placeOf(link).settings)).toEqual(settings);
      }
    }
  });

  it("to a quantizer that is not offered opens the usual one", () => {
    const [scene] = scenes;
    for (const name of ["hierarchicalVQ", "constructor"]) {
      const { settings } = placeOf(`#/codebook?quantizer=${name}&options.levels=3`);
      expect(settingsIn(scene!, settings)).toEqual(scene!.defaults);
    }
  });

  it("without anything is the usual scene", () => {
    expect(placeOf("")).toEqual({ scene: "", settings: {} });
  });
});
