import { useRef } from "preact/hooks";

/**
 * The rows of all snapshots of a run, as columns; a snapshot has only those that are new. Long runs are
 * thinned out: every other row goes once there are too many.
 */
export function useRows<Row extends readonly number[]>(
  snapshot: { readonly rows: readonly Row[] } | undefined,
  width: number,
): number[][] {
  const kept = useRef<{ last?: unknown; rows: Row[] }>({ rows: [] });
  const state = kept.current;
  if (!snapshot) state.rows = [];
  else if (state.last !== snapshot) {
    if (snapshot.rows[0]?.[0] === 0) state.rows = [];
    state.rows = state.rows.concat(snapshot.rows);
    if (state.rows.length > 2000) state.rows = state.rows.filter((_, i) => i % 2 === 0);
  }
  state.last = snapshot;
  return Array.from({ length: width }, (_, column) =>
    state.rows.map((row) => row[column] as number),
  );
}
