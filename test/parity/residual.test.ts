import { describe, test } from "vitest";
import { recordedCases } from "./cases.ts";
import { paramTensors } from "./residual/classes.ts";
import { replay } from "./residual/replay.ts";

describe.each(Object.keys(paramTensors))("ours does what the reference's %s did", (className) => {
  test.each(recordedCases(className))("$name", replay);
});
