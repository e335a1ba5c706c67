import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { root } from "../support/paths.ts";
import { findExamples, importsLate, type Outcome, tryExamples } from "./examples.ts";

const examples = findExamples();
let outcomes: Map<string, Outcome>;

beforeAll(async () => {
  outcomes = await tryExamples(examples);
}, 240_000);

/** Names that `ambient.ts` declares without a value. */
const declared = new Set(
  [
    ...readFileSync(join(root, "test/docs/ambient.ts"), "utf8").matchAll(
      /^ {2}(?:const|function) (\w+)/gm,
    ),
  ].map(([, name]) => name),
);

test.each(examples.map(({ name }) => name))("%s compiles, and runs if it has values", (name) => {
  const { errors, end } = outcomes.get(name) as Outcome;
  expect(errors).toEqual([]);
  if (!declared.has(end)) expect(end).toBe("ran");
});

test("most have values", () => {
  const ran = [...outcomes.values()].filter(({ end }) => end === "ran");
  expect(ran.length).toBeGreaterThan(examples.length / 2);
});

test("the library is imported before jax-js, which else has no threads in Node", () => {
  const late = examples.filter(({ text }) => importsLate(text));
  expect(late.map(({ name }) => name)).toEqual([]);
});
