import { expect, test } from "vitest";
import { pictureNames } from "./pictureNames.ts";

test("names are kept, and two pictures never share one", () => {
  expect(pictureNames(["a/b.jpg", "a/c.d.PNG", "e", undefined])).toEqual([
    "a/b.png",
    "a/c.d.png",
    "e.png",
    "00003.png",
  ]);
  expect(pictureNames(["a/b.jpg", "a/B.png", "a/b.txt"])).toEqual([
    "a/b.jpg.png",
    "a/B.png.png",
    "a/b.txt.png",
  ]);
  expect(pictureNames(["x.png", "x.png", "y.gif"])).toEqual([
    "x.png.00000.png",
    "x.png.00001.png",
    "y.png",
  ]);
});
