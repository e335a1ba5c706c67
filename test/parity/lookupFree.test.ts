import { describe, test } from "vitest";
import { recordedCases } from "./cases.ts";
import { replay } from "./lookupFree/replay.ts";
import { translations } from "./lookupFree/torch.ts";

describe.each(Object.keys(translations))(
  "ours does what the reference's %s was recorded to do",
  (className) => {
    test.each(recordedCases(className))("$name", replay);
  },
);
