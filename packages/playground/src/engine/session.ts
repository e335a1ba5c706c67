import { computed, signal } from "@preact/signals";
import type { Device, DeviceChoice, SceneSettings, ToPage, ToWorker } from "./protocol.ts";

/** How the open scene fares. */
export type Status = "opening" | "paused" | "playing" | "failed";

interface Waiting {
  readonly resolve: (value: never) => void;
  readonly reject: (error: Error) => void;
}

/** The page's side of the worker: what the open scene shows, as signals, and what it can be told. */
export class Session {
  readonly device = signal<Device | undefined>();
  readonly status = signal<Status>("opening");
  readonly error = signal("");
  readonly step = signal(0);
  readonly snapshot = signal<unknown>();
  /** Most steps a second. */
  readonly pace = signal(Number.POSITIVE_INFINITY);
  readonly playing = computed(() => this.status.value === "playing");

  #worker = this.#start();
  #choice: DeviceChoice = "auto";
  #scene = "";
  #settings: SceneSettings = {};
  #run = 0;
  #id = 0;
  #wantsToPlay = false;
  readonly #waiting = new Map<number, Waiting>();

  #start(): Worker {
    const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }: MessageEvent<ToPage>) => this.#hear(data);
    worker.onerror = ({ message }) => this.#fail(message || "The worker did not start.");
    return worker;
  }

  #send(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  #fail(message: string): void {
    this.status.value = "failed";
    this.error.value = message;
  }

  #hear(message: ToPage): void {
    if (message.type === "answer") {
      const waiting = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      if (message.error === undefined) waiting?.resolve(message.value as never);
      else waiting?.reject(new Error(message.error));
      return;
    }
    if (message.run !== this.#run) return;
    if (message.type === "device") this.device.value = message.device;
    else if (message.type === "failed") this.#fail(message.message);
    else if (message.type === "stale") this.open(this.#scene, this.#settings, this.#wantsToPlay);
    else {
      this.snapshot.value = message.value;
      this.step.value = message.step;
      if (this.status.value !== "failed") {
        this.status.value = this.#wantsToPlay ? "playing" : "paused";
      }
      const { run } = message;
      requestAnimationFrame(() => this.#send({ type: "drawn", run }));
    }
  }

  /** Opens a scene, or the same one from its start. */
  open(scene: string, settings: SceneSettings, play: boolean): void {
    this.#scene = scene;
    this.#settings = settings;
    this.#run++;
    this.snapshot.value = undefined;
    this.error.value = "";
    this.step.value = 0;
    this.status.value = "opening";
    this.#wantsToPlay = play;
    this.#send({ type: "open", run: this.#run, scene, device: this.#choice, settings });
    if (play) this.play();
  }

  /** Goes on with other settings where the scene can, else opens it anew. */
  change(settings: SceneSettings): void {
    this.#settings = settings;
    if (this.status.value === "failed") this.open(this.#scene, settings, this.#wantsToPlay);
    else this.#send({ type: "change", run: this.#run, settings });
  }

  /** Another device: that takes another worker. */
  choose(choice: DeviceChoice): void {
    this.#choice = choice;
    this.#worker.terminate();
    for (const { reject } of this.#waiting.values()) reject(new Error("The device has changed."));
    this.#waiting.clear();
    this.device.value = undefined;
    this.#worker = this.#start();
    if (this.#scene) this.open(this.#scene, this.#settings, this.#wantsToPlay);
  }

  play(): void {
    this.#wantsToPlay = true;
    if (this.status.value === "paused") this.status.value = "playing";
    this.#send({ type: "play", run: this.#run, pace: this.pace.value });
  }

  pause(): void {
    this.#wantsToPlay = false;
    if (this.status.value === "playing") this.status.value = "paused";
    this.#send({ type: "pause", run: this.#run });
  }

  /** Takes some steps and stays paused. */
  take(steps: number): void {
    this.pause();
    this.#send({ type: "step", run: this.#run, steps });
  }

  restart(): void {
    this.open(this.#scene, this.#settings, this.#wantsToPlay);
  }

  setPace(pace: number): void {
    this.pace.value = pace;
    if (this.#wantsToPlay) this.#send({ type: "play", run: this.#run, pace });
  }

  /** Asks the scene's engine. */
  call<Answer>(name: string, argument?: unknown): Promise<Answer> {
    return this.#ask((id) => ({ type: "call", run: this.#run, id, name, argument }));
  }

  /** What a quantizer is and takes, in words. */
  describe<Answer>(quantizer: string): Promise<Answer> {
    return this.#ask((id) => ({ type: "describe", id, quantizer }));
  }

  #ask<Answer>(message: (id: number) => ToWorker): Promise<Answer> {
    const id = ++this.#id;
    const answer = new Promise<Answer>((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as never, reject });
    });
    this.#send(message(id));
    return answer;
  }
}
