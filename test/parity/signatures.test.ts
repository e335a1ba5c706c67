/** Every constructor option of the reference is known to `torch/`, with its own default. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import * as entrance from "../../packages/vector-quantize/src/entrances/torch.ts";
import { translations } from "../../packages/vector-quantize/src/torch/translations.ts";

interface Signature {
  readonly options: Readonly<Record<string, { default?: unknown; python?: string }>>;
  /** Where `**kwargs` go, and what they may not name. */
  readonly rest?: { readonly to: string; readonly without: readonly string[] };
}

const signatures: Record<string, Signature> = JSON.parse(
  readFileSync(new URL("../../parity/signatures.json", import.meta.url), "utf8"),
);

/** Defaults that are no plain values, as we have them. */
const inPython: Record<string, unknown> = {
  NAT: Math.LN2,
  "(torch.float32, torch.float64)": null, // all is float32 here
  "nn.Identity()": null,
  identity: null,
  "dict()": null,
};

/** Objects of the user's own that the reference takes in a call, or as an attribute. */
const elsewhere = ["ema_update_weight", "vec_norm"];

/** All that a constructor takes, those of the class that gets its `**kwargs` too. */
function optionsOf(className: string): Signature["options"] {
  const { options, rest } = signatures[className] as Signature;
  if (!rest) return options;
  const handedOn = Object.entries(optionsOf(rest.to)).filter(
    ([name]) => !rest.without.includes(name),
  );
  return { ...Object.fromEntries(handedOn), ...options };
}

describe.each(translations)("$className", ({ className, parts: { mapping } }) => {
  const { options: own } = signatures[className] as Signature;
  const all = optionsOf(className);

  test("knows each of its own options", () => {
    expect(Object.keys(own).filter((name) => !(name in mapping.kwargs))).toEqual([]);
  });

  test("knows all that it hands on", () => {
    expect(Object.keys(all).filter((name) => !(name in mapping.kwargs))).toEqual([]);
  });

  test("knows no other: an option of ours that is not there stands alone in a term", () => {
    const known = [...Object.keys(all), ...elsewhere];
    expect(Object.keys(mapping.kwargs).filter((name) => !known.includes(name))).toEqual([]);
  });

  const theirs = Object.entries(mapping.kwargs).filter(([name]) => !elsewhere.includes(name));
  test.each(theirs)("%s has its default", (name, { kind, fallback }) => {
    const theirs = all[name] as Signature["options"][string];
    // A list that has to be given is looked for by ours.
    if (!("default" in theirs) && theirs.python === undefined) {
      expect([undefined, null]).toContain(fallback);
      if (fallback === null) expect(kind).toBe("object");
      return;
    }
    expect(fallback).toEqual(
      theirs.python === undefined ? theirs.default : inPython[theirs.python],
    );
  });
});

test("every translation is exported under the name of its quantizer", () => {
  const names = translations.map(({ type }) => `${type}Translation`);
  const exported = Object.keys(entrance).filter((name) => name.endsWith("Translation"));
  expect(exported.sort()).toEqual([...names].sort());
  expect(names.map((name) => (entrance as Record<string, unknown>)[name])).toEqual(translations);
});
