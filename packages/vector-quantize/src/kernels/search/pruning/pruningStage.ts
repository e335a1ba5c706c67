/** Something prepared from the codes that leaves most of them out of a search, on some data. */
export interface PruningStage {
  /** Rows of searches that save as much as preparing takes, where it helps. */
  readonly worth: number;
  /** Looks at the present codes; `failed` if what it had found did not help. */
  prepare(failed: boolean): Promise<void>;
  /** Takes over codes that have changed since, along with what it had found. */
  follow(): Promise<void>;
  /** Address of the header that kernels take, after `prepare`. */
  readonly header: number;
  /** A search begins: forgets what earlier rows have shown. */
  begin(): void;
  /** Whether rows have shown since that it does not help. */
  readonly hopeless: boolean;
  free(): void;
}

/** A stage in use. */
export interface Upkeep {
  /**
   * The address that a search of `rows` vectors takes, or 0: it would not pay. Call it inside
   * `pool.exclusive`.
   */
  start(rows: number): Promise<number>;
  /** The codes have changed. */
  forget(): void;
  free(): void;
}

/**
 * It is prepared anew for codes that have changed, or tried again where it did not help, after so many
 * times the rows before.
 */
const GROWTH = 4;

/** In place of a stage that is not to be had. */
const none: Upkeep = { start: async () => 0, forget: () => {}, free: () => {} };

/** Prepares a stage when it is first worth it, and lets it rest while it does not help. */
export function keepUp(stage: PruningStage | undefined): Upkeep {
  if (stage === undefined) return none;
  let due = stage.worth; // rows until it is prepared
  let asked = 0; // rows since it was
  let prepared = false;
  let helps = false;
  let moved = true; // codes have changed since it was prepared
  let stale = false; // and since it took them over

  return {
    async start(rows) {
      if (prepared && stage.hopeless) helps = false;
      asked += rows;
      if (asked >= due && (moved || !helps)) {
        const failed = prepared && !helps;
        prepared = false; // if this ends by an error
        await stage.prepare(failed);
        prepared = true;
        helps = true;
        moved = false;
        stale = false;
        asked = 0;
        due *= GROWTH;
      }
      if (!helps) return 0;
      if (stale) await stage.follow();
      stale = false;
      stage.begin();
      return stage.header;
    },
    forget() {
      moved = true;
      stale = true;
    },
    free: () => stage.free(),
  };
}
