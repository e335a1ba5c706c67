/** What the page and its worker say to each other. */

/** Which device computes; `auto`: what the scene is best on. */
export type DeviceChoice = "auto" | "wasm" | "webgpu";

/** What computes, and how. */
export interface Device {
  readonly backend: "wasm" | "webgpu";
  /** Threads of the kernels; 1 where the page may not share memory. */
  readonly threads: number;
  readonly isolated: boolean;
  /** Whether this browser has WebGPU, and whether it is a graphics card's. */
  readonly webgpu: "none" | "software" | "hardware";
}

/** Plain JSON that says all about a scene: it goes into the link. */
export type SceneSettings = Readonly<Record<string, unknown>>;

export type ToWorker =
  | {
      readonly type: "open";
      readonly run: number;
      readonly scene: string;
      readonly device: DeviceChoice;
      readonly settings: SceneSettings;
    }
  | { readonly type: "change"; readonly run: number; readonly settings: SceneSettings }
  | { readonly type: "play"; readonly run: number; readonly pace: number }
  | { readonly type: "pause"; readonly run: number }
  | { readonly type: "step"; readonly run: number; readonly steps: number }
  | { readonly type: "drawn"; readonly run: number }
  | {
      readonly type: "call";
      readonly run: number;
      readonly id: number;
      readonly name: string;
      readonly argument: unknown;
    }
  | { readonly type: "describe"; readonly id: number; readonly quantizer: string };

export type ToPage =
  | { readonly type: "device"; readonly run: number; readonly device: Device }
  | {
      readonly type: "snapshot";
      readonly run: number;
      readonly step: number;
      readonly playing: boolean;
      readonly value: unknown;
    }
  /** A change that only a fresh start can make. */
  | { readonly type: "stale"; readonly run: number }
  | { readonly type: "failed"; readonly run: number; readonly message: string }
  | {
      readonly type: "answer";
      readonly id: number;
      readonly value?: unknown;
      readonly error?: string;
    };
