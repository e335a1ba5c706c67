import { buffersOf, type Engine, type OpenEngine } from "./engine.ts";
import type { Device, DeviceChoice, ToPage, ToWorker } from "./protocol.ts";

/** What a host needs of its worker; tests have their own. */
export interface Surroundings {
  send(message: ToPage, transfer: ArrayBuffer[]): void;
  load(scene: string): Promise<OpenEngine>;
  chooseDevice(choice: DeviceChoice, scene: string): Promise<Device>;
  describe(quantizer: string): Promise<unknown>;
  now(): number;
  sleep(ms: number): Promise<void>;
}

/** The page draws at most this often. */
const frame = 1000 / 45;
/** Milliseconds that the page waits for a drawing, however long one takes. */
const patience = 1000;

/**
 * Runs one scene at a time: steps as fast as the pace allows, and a snapshot for the page once it has
 * drawn the last one. So a slow page slows no training, and fast training never floods the page.
 */
export function createHost(around: Surroundings): (message: ToWorker) => Promise<void> {
  let engine: Engine | undefined;
  /** The run that the engine is of. */
  let opened = 0;
  let device: Promise<Device> | undefined;
  let run = 0;
  let step = 0;
  let playing = false;
  let pace = Number.POSITIVE_INFINITY;
  let drawn = true;
  let last = Number.NEGATIVE_INFINITY;
  /** Milliseconds that the last snapshot took. */
  let took = 0;
  let turn: Promise<unknown> = Promise.resolve();

  const send = (message: ToPage) => around.send(message, buffersOf(message));

  /** Does one thing after another; an error stops the scene that it is of, and is told. */
  function inTurn(of: number, work: () => Promise<void>): Promise<void> {
    const done = turn.then(work).catch((error: unknown) => {
      if (of !== run) return;
      playing = false;
      send({ type: "failed", run, message: error instanceof Error ? error.message : `${error}` });
    });
    turn = done;
    return done;
  }

  async function show(): Promise<void> {
    if (!engine) return;
    drawn = false;
    last = around.now();
    const value = await engine.snapshot();
    took = around.now() - last;
    if (opened !== run) return; // another scene is to come, which can't draw this
    send({ type: "snapshot", run, step, playing, value });
  }

  /** Whether it is time to show something: steps that are behind get two thirds of the time. */
  function mayShow(behind: boolean): boolean {
    const pause = behind ? Math.min(3 * took, patience) : 0;
    return drawn && around.now() - last >= Math.max(engine?.pause ?? frame, pause);
  }

  async function takeStep(): Promise<void> {
    if (!engine?.step) return;
    await engine.step();
    step++;
  }

  /** One turn a step, so that what the page asks for comes between. */
  async function loop(of: number): Promise<void> {
    let due = around.now();
    while (playing && run === of) {
      await inTurn(of, async () => {
        if (!playing || run !== of) return;
        await takeStep();
        due += 1000 / pace;
        if (mayShow(due <= around.now())) await show();
      });
      due = Math.max(due, around.now() - 100);
      await around.sleep(Math.max(0, due - around.now()));
    }
  }

  const handlers: { [Type in ToWorker["type"]]: (m: Extract<ToWorker, { type: Type }>) => void } = {
    open(message) {
      run = message.run;
      playing = false;
      inTurn(run, async () => {
        engine?.dispose();
        engine = undefined;
        if (message.run !== run) return;
        device ??= around.chooseDevice(message.device, message.scene);
        send({ type: "device", run, device: await device });
        const open = await around.load(message.scene);
        engine = await open(message.settings as never);
        opened = message.run;
        step = 0;
        await show();
      });
    },
    change(message) {
      inTurn(run, async () => {
        if (message.run !== run) return;
        if (!(await engine?.change?.(message.settings))) send({ type: "stale", run });
        else if (!playing) await show();
      });
    },
    play(message) {
      if (message.run !== run) return;
      pace = message.pace;
      if (playing) return;
      playing = true;
      loop(run);
    },
    pause(message) {
      if (message.run !== run) return;
      playing = false;
      inTurn(run, () => show());
    },
    step(message) {
      inTurn(run, async () => {
        if (message.run !== run) return;
        for (let i = 0; i < message.steps; i++) await takeStep();
        await show();
      });
    },
    drawn(message) {
      if (message.run === run) drawn = true;
    },
    call({ id, name, argument, run: of }) {
      turn = turn.then(async () => {
        try {
          const call = of === run ? engine?.calls?.[name] : undefined;
          if (!call) throw new Error(`Nothing answers to "${name}" here.`);
          send({ type: "answer", id, value: await call(argument as never) });
        } catch (error) {
          send({ type: "answer", id, error: error instanceof Error ? error.message : `${error}` });
        }
      });
    },
    async describe({ id, quantizer }) {
      try {
        send({ type: "answer", id, value: await around.describe(quantizer) });
      } catch (error) {
        send({ type: "answer", id, error: `${error}` });
      }
    },
  };

  return async (message) => {
    handlers[message.type](message as never);
    await turn;
  };
}
