import type { ComponentType } from "preact";
import type { SceneSettings } from "../engine/protocol.ts";
import type { Session } from "../engine/session.ts";

/**
 * The page's side of a scene, `scenes/<id>/View.tsx`; the worker's side is `scenes/<id>/engine.ts`. They
 * share the types of `scenes/<id>/contract.ts` and nothing else.
 */
export interface Scene {
  readonly id: string;
  readonly title: string;
  /** What one learns there. */
  readonly question: string;
  /** What one is looking at, in two or three sentences. */
  readonly lead: string;
  /** Everything that can be set: the link names what differs from it. */
  readonly defaults: SceneSettings;
  /** Where a quantizer is chosen: those that are offered, each with options that are usual then. */
  readonly kinds?: Readonly<Record<string, { readonly options: SceneSettings }>>;
  /** Most steps a second to begin with. */
  readonly pace: number;
  /** Whether it begins by itself. */
  readonly plays: boolean;
  view(): Promise<ComponentType<never>>;
}

/** What a view gets: it draws the snapshot, and tells of other settings. */
export interface SceneProps<Values = SceneSettings, Snapshot = unknown> {
  readonly settings: Values;
  /** Changes some settings; the engine hears of it. */
  readonly set: (some: Partial<Values>) => void;
  /** The last snapshot, once there is one. */
  readonly snapshot: Snapshot | undefined;
  readonly session: Session;
}
