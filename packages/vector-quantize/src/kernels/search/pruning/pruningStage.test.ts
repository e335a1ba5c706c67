import { expect, it } from "vitest";
import { keepUp, type PruningStage } from "./pruningStage.ts";

/** A stage worth 100 rows that notes what is asked of it. */
class Noted implements PruningStage {
  readonly worth = 100;
  readonly header = 7;
  hopeless = false;
  readonly calls: string[] = [];
  async prepare(failed: boolean) {
    this.calls.push(failed ? "prepare after it failed" : "prepare");
    this.hopeless = false;
  }
  async follow() {
    this.calls.push("follow");
  }
  begin() {
    this.calls.push("begin");
  }
  free() {
    this.calls.push("free");
  }
  /** What has been called since it was last asked. */
  since(): string[] {
    return this.calls.splice(0);
  }
}

it("is prepared once it pays, and used from then on", async () => {
  const stage = new Noted();
  const upkeep = keepUp(stage);
  expect(await upkeep.start(99)).toBe(0);
  expect(stage.since()).toEqual([]);
  expect(await upkeep.start(1)).toBe(7);
  expect(stage.since()).toEqual(["prepare", "begin"]);
  expect(await upkeep.start(10_000)).toBe(7);
  expect(stage.since()).toEqual(["begin"]);
  upkeep.free();
  expect(stage.since()).toEqual(["free"]);
});

it("rests when rows have shown that it does not help, each time four times as long", async () => {
  const stage = new Noted();
  const upkeep = keepUp(stage);
  expect(await upkeep.start(100)).toBe(7);
  for (const rest of [400, 1600]) {
    stage.hopeless = true;
    stage.since();
    expect(await upkeep.start(1)).toBe(0);
    stage.hopeless = false; // nobody looks at rows meanwhile
    expect(await upkeep.start(rest - 2)).toBe(0);
    expect(stage.since()).toEqual([]);
    expect(await upkeep.start(1)).toBe(7);
    expect(stage.since()).toEqual(["prepare after it failed", "begin"]);
  }
});

it("follows codes that change, and is prepared anew for them after four times the rows", async () => {
  const stage = new Noted();
  const upkeep = keepUp(stage);
  await upkeep.start(100);
  stage.since();
  for (let i = 0; i < 2; i++) {
    upkeep.forget();
    expect(await upkeep.start(150)).toBe(7);
    expect(stage.since()).toEqual(["follow", "begin"]);
    expect(await upkeep.start(20)).toBe(7);
    expect(stage.since()).toEqual(["begin"]);
  }
  expect(await upkeep.start(60)).toBe(7); // 400 since it was prepared
  expect(stage.since()).toEqual(["prepare", "begin"]);
});

it("asks nothing of codes that change while it rests", async () => {
  const stage = new Noted();
  const upkeep = keepUp(stage);
  await upkeep.start(100);
  stage.hopeless = true;
  stage.since();
  upkeep.forget();
  expect(await upkeep.start(399)).toBe(0);
  expect(stage.since()).toEqual([]);
  expect(await upkeep.start(1)).toBe(7);
  expect(stage.since()).toEqual(["prepare after it failed", "begin"]);
});

it("is prepared by the next search where preparing ended by an error", async () => {
  let held = true;
  const upkeep = keepUp({
    worth: 100,
    header: 7,
    async prepare(failed) {
      held = !failed;
      if (failed) throw new Error("no memory");
    },
    get hopeless() {
      if (!held) throw new Error("asked of a stage that is not prepared");
      return true;
    },
    follow: async () => {},
    begin: () => {},
    free: () => {},
  });
  expect(await upkeep.start(100)).toBe(7);
  await expect(upkeep.start(400)).rejects.toThrow("no memory");
  expect(await upkeep.start(1)).toBe(7);
});

it("is done without where there is none", async () => {
  const upkeep = keepUp(undefined);
  upkeep.forget();
  expect(await upkeep.start(1e9)).toBe(0);
  upkeep.free();
});
