import { expect, test } from "vitest";
import { didYouMean } from "./didYouMean.ts";

test.each([
  ["trainig", "training"],
  ["tarining", "training"], // neighbours that changed places
  ["Lenghts", "lengths"],
  ["beam_size", "beamSize"],
  ["kye", "key"],
  ["topK", "topk"],
  ["x", undefined],
  ["something", undefined],
  ["", undefined],
])("%j is meant as %j", (name, meant) => {
  const known = ["training", "key", "mask", "lengths", "beamSize", "topk"];
  expect(didYouMean(name, known)).toBe(meant && `Did you mean ${meant}?`);
});

test("the nearest of several", () => {
  expect(didYouMean("codebookSizes", ["codebookDim", "codebookSize"])).toBe(
    "Did you mean codebookSize?",
  );
});
