import { describe, test } from "vitest";
import { recordedCases } from "./cases.ts";
import { replay } from "./lookupFree/replay.ts";
import { classNames } from "./lookupFree/torch.ts";

describe.each(classNames)("ours does what the reference's %s was recorded to do", (className) => {
  test.each(recordedCases(className))("$name", replay);
});
