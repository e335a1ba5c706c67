import type { Session } from "../engine/session.ts";

interface TransportProps {
  readonly session: Session;
  /** What a step is called here. */
  readonly counts?: string;
  readonly onRestart?: () => void;
}

const paces = [
  [4, "4 a second"],
  [15, "15 a second"],
  [60, "60 a second"],
  [Number.POSITIVE_INFINITY, "full speed"],
] as const;

/** Play, pause, one step, from the start, and how fast. */
export function Transport({ session, counts = "step" }: TransportProps) {
  const { playing, status, step, pace } = session;
  const off = status.value === "failed" || status.value === "opening";
  return (
    <div class="transport">
      <button
        type="button"
        class="button first"
        disabled={status.value === "failed"}
        onClick={() => (playing.value ? session.pause() : session.play())}
      >
        {playing.value ? "Pause" : "Play"}
      </button>
      <button type="button" class="button" disabled={off} onClick={() => session.take(1)}>
        Step
      </button>
      <button type="button" class="button" onClick={() => session.restart()}>
        From the start
      </button>
      <label>
        <span class="hidden">Speed</span>
        <select
          class="button"
          value={`${pace.value}`}
          onChange={({ currentTarget }) => session.setPace(Number(currentTarget.value))}
        >
          {paces.map(([each, text]) => (
            <option key={text} value={`${each}`}>
              {text}
            </option>
          ))}
        </select>
      </label>
      <output>{status.value === "opening" ? "starting ..." : `${counts} ${step.value}`}</output>
    </div>
  );
}
