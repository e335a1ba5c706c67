import { describe, expect, it } from "vitest";
import type { Engine } from "./engine.ts";
import { createHost } from "./host.ts";
import type { ToPage, ToWorker } from "./protocol.ts";

const device = { backend: "wasm", threads: 1, isolated: false, webgpu: "none" } as const;

/** A host around engines that count, on a clock of its own. */
function start(open: () => Promise<Engine> = async () => counter()) {
  const sent: ToPage[] = [];
  let clock = 0;
  const host = createHost({
    send: (message) => void sent.push(message),
    load: async () => open,
    chooseDevice: async () => device,
    describe: async (quantizer) => ({ type: quantizer }),
    now: () => clock,
    sleep: async (ms) => {
      clock += Math.max(1, ms);
      await new Promise((resolve) => setTimeout(resolve));
    },
  });
  const snapshots = () => sent.filter((message) => message.type === "snapshot");
  const pass = (ms: number) => {
    clock += ms;
  };
  return { host: (message: ToWorker) => host(message), sent, snapshots, pass };
}

function counter(): Engine {
  let steps = 0;
  return {
    step: async () => void steps++,
    snapshot: async () => ({ steps, data: new Float32Array([steps]) }),
    change: async ({ whole }) => whole !== true,
    calls: { double: async (value: number) => 2 * value },
    dispose: () => {},
  };
}

const opened = { type: "open", run: 1, scene: "x", device: "auto", settings: {} } as const;
const wait = (turns: number) =>
  Array.from({ length: turns }).reduce<Promise<unknown>>(
    (before) => before.then(() => new Promise((resolve) => setTimeout(resolve))),
    Promise.resolve(),
  );

describe("the worker's host", () => {
  it("tells the device, then what there is to see", async () => {
    const { host, sent } = start();
    await host(opened);
    expect(sent.map(({ type }) => type)).toEqual(["device", "snapshot"]);
    expect(sent[1]).toMatchObject({ run: 1, step: 0, playing: false, value: { steps: 0 } });
  });

  it("steps without a page that draws, but sends it nothing more", async () => {
    const { host, snapshots } = start();
    await host(opened);
    await host({ type: "play", run: 1, pace: Number.POSITIVE_INFINITY });
    await wait(30);
    expect(snapshots().length).toBe(1);
    await host({ type: "drawn", run: 1 });
    await wait(60);
    expect(snapshots().length).toBe(2);
    await host({ type: "pause", run: 1 });
    const last = snapshots().at(-1) as { step: number; value: { steps: number } };
    expect(last.step).toBeGreaterThan(10);
    expect(last.value.steps).toBe(last.step);
  });

  it("gives steps that are behind two thirds of the time", async () => {
    const slow: Engine = {
      ...counter(),
      step: async () => pass(10),
      snapshot: async () => pass(300),
    };
    const { host, sent, snapshots, pass } = start(async () => slow);
    await host(opened);
    await host({ type: "play", run: 1, pace: Number.POSITIVE_INFINITY });
    for (let turn = 0; turn < 300; turn++) {
      await wait(1);
      if (sent.at(-1)?.type === "snapshot") await host({ type: "drawn", run: 1 });
    }
    const [before, after] = snapshots().slice(-2) as { step: number }[];
    expect((after?.step ?? 0) - (before?.step ?? 0)).toBeGreaterThan(40); // 600 ms at 11 to 13
  });

  it("takes some steps and rests", async () => {
    const { host, snapshots } = start();
    await host(opened);
    await host({ type: "step", run: 1, steps: 3 });
    await wait(5);
    expect(snapshots().at(-1)).toMatchObject({ step: 3, playing: false });
  });

  it("hears nothing of a scene that was left", async () => {
    const { host, snapshots } = start();
    await host(opened);
    await host({ ...opened, run: 2 });
    await host({ type: "step", run: 1, steps: 5 });
    expect(snapshots().at(-1)).toMatchObject({ run: 2, step: 0 });
  });

  it("shows nothing of a scene that was left while it was looked at", async () => {
    let look = () => {};
    const looking = new Promise<void>((resolve) => {
      look = resolve;
    });
    let made = 0;
    const { host, snapshots } = start(async () => {
      const own = ++made;
      return { ...counter(), snapshot: async () => (own === 1 ? looking.then(() => own) : own) };
    });
    const first = host(opened);
    await wait(2);
    const second = host({ ...opened, run: 2 });
    look();
    await Promise.all([first, second]);
    expect(snapshots()).toMatchObject([{ run: 2, value: 2 }]);
  });

  it("says when a change takes a fresh start", async () => {
    const { host, sent } = start();
    await host(opened);
    await host({ type: "change", run: 1, settings: { whole: false } });
    expect(sent.at(-1)?.type).toBe("snapshot");
    await host({ type: "change", run: 1, settings: { whole: true } });
    expect(sent.at(-1)).toEqual({ type: "stale", run: 1 });
  });

  it("tells what went wrong, and can open another scene after", async () => {
    let broken = true;
    const { host, sent } = start(async () => {
      if (broken) throw new Error("expected levels, got none");
      return counter();
    });
    await host(opened);
    expect(sent.at(-1)).toEqual({ type: "failed", run: 1, message: "expected levels, got none" });
    broken = false;
    await host({ ...opened, run: 2 });
    expect(sent.at(-1)).toMatchObject({ type: "snapshot", run: 2 });
  });

  it("stops a scene whose step fails", async () => {
    const failing = { ...counter(), step: () => Promise.reject(new Error("NaN")) };
    const { host, sent } = start(async () => failing);
    await host(opened);
    await host({ type: "play", run: 1, pace: 10 });
    await wait(20);
    expect(sent.filter(({ type }) => type === "failed")).toHaveLength(1);
  });

  it("answers calls, and says when it can't", async () => {
    const { host, sent } = start();
    await host(opened);
    await host({ type: "call", run: 1, id: 1, name: "double", argument: 21 });
    expect(sent.at(-1)).toEqual({ type: "answer", id: 1, value: 42 });
    await host({ type: "call", run: 1, id: 2, name: "other", argument: 0 });
    expect(sent.at(-1)).toMatchObject({ type: "answer", id: 2, error: expect.any(String) });
  });
});
