import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { linkOf, placeOf, withDefaults } from "./link.ts";

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

  it("without anything is the usual scene", () => {
    expect(placeOf("")).toEqual({ scene: "", settings: {} });
  });
});
