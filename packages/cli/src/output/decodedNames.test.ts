import { expect, test } from "vitest";
import { decodedNames } from "./decodedNames.ts";

const pictureNames = (names: (string | undefined)[]) => decodedNames(names, "pictures");

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
  expect(decodedNames(["a/b.mp3", "c.png", undefined], "sounds")).toEqual([
    "a/b.wav",
    "c.png.wav",
    "00002.wav",
  ]);
});
