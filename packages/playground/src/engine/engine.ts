import type { SceneSettings } from "./protocol.ts";

/**
 * The worker's side of a scene. One call runs at a time, so none needs to guard against another.
 * What `snapshot` and `calls` give must hold arrays of their own: their memory moves to the page.
 */
export interface Engine<Snapshot = unknown> {
  /** One training step; absent where nothing trains. */
  step?(): Promise<void>;
  /** Least milliseconds between two snapshots, where one takes long. */
  readonly pause?: number;
  /** All that the page draws now. */
  snapshot(): Promise<Snapshot>;
  /** Takes new settings as it runs, and tells whether it could; else it is opened anew. */
  change?(settings: SceneSettings): Promise<boolean>;
  /** What the page may ask for by name. */
  readonly calls?: Readonly<Record<string, (argument: never) => Promise<unknown>>>;
  dispose(): void;
}

/** Makes the engine of a scene. */
export type OpenEngine = (settings: never) => Promise<Engine>;

/** The buffers of all typed arrays in a value, each once. */
export function buffersOf(value: unknown, found = new Set<ArrayBuffer>()): ArrayBuffer[] {
  if (ArrayBuffer.isView(value)) {
    if (value.buffer instanceof ArrayBuffer) found.add(value.buffer);
  } else if (typeof value === "object" && value !== null) {
    for (const part of Object.values(value)) buffersOf(part, found);
  }
  return [...found];
}
