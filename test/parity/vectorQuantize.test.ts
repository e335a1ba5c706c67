import { describe, test } from "vitest";
import { recordedCases } from "./cases.ts";
import { replay } from "./replay.ts";

const cases = recordedCases("VectorQuantize");
const options = [...new Set(cases.flatMap(({ waits }) => waits ?? []))].sort();

describe("vectorQuantize does what the reference's VectorQuantize was recorded to do", () => {
  test.each(cases.filter(({ waits }) => !waits))("$name", replay);
});

// Cases of options that are not there yet show up as skipped, under the option's name.
for (const option of options) {
  const waiting = cases.filter(({ waits }) => waits === option);
  const count = `${waiting.length} ${waiting.length === 1 ? "case waits" : "cases wait"}`;
  describe(`${count} for ${option}`, () => {
    for (const { name } of waiting) test.skip(name);
  });
}
