import { describe, test } from "vitest";
import { translations } from "../../packages/vector-quantize/src/torch/translations.ts";
import { recordedCases } from "./cases.ts";
import { classNames as lookupFree } from "./lookupFree/torch.ts";
import { replay } from "./residual/replay.ts";

const elsewhere: readonly string[] = [...lookupFree, "VectorQuantize"];
const classNames = translations
  .map(({ className }) => className)
  .filter((name) => !elsewhere.includes(name));

describe.each(classNames)("ours does what the reference's %s did", (className) => {
  test.each(recordedCases(className))("$name", replay);
});
