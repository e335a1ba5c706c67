import { expect, test } from "vitest";
import { clock, grouped, small } from "./words.ts";

test.each([
  [0, "0:00"],
  [75.4, "1:15"],
  [3700, "1:01:40"],
])("%d seconds are %s", (seconds, text) => expect(clock(seconds)).toBe(text));

test.each([
  [0, "0.00"],
  [0.01234, "0.0123"],
  [0.000123, "1.23e-4"],
  [12.34, "12.3"],
])("a loss of %d is %s", (loss, text) => expect(small(loss)).toBe(text));

test("large numbers are grouped", () => expect(grouped(1234567.6)).toBe("1,234,568"));
