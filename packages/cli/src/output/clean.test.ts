import { expect, test } from "vitest";
import { clean } from "./clean.ts";

test("what a terminal would obey is written out", () => {
  expect(clean("\u001b[31mred\u0007\r\n\u009b2J\u007f\u202egnp\u2028")).toBe(
    "\\u001b[31mred\\u0007\\u000d\\u000a\\u009b2J\\u007f\\u202egnp\\u2028",
  );
});

test("other text stays", () => {
  for (const text of ["photos/Müller & 写真/👩‍🚀.png", "█░ 50% ¼", ""])
    expect(clean(text)).toBe(text);
});

test("JSON stays the same JSON", () => {
  const value = { file: "\u001b[0m\u009b\u2028\n", "\u007f": "\\" };
  expect(JSON.parse(clean(JSON.stringify(value)))).toEqual(value);
});
