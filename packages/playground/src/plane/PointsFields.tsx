import { Choice } from "../parts/fields.tsx";
import { lettersOf, reach, type Shape } from "./plane.ts";

interface PointsFieldsProps {
  readonly shape: Shape;
  readonly drawn: string;
  readonly set: (some: { shape?: Shape; drawn?: string; seed?: number }) => void;
  readonly seed: number;
  /** Whether a picture takes points by hand. Default true. */
  readonly byHand?: boolean;
}

const named = [
  ["blobs", "Gaussians"],
  ["rings", "Rings"],
  ["moons", "Moons"],
  ["spiral", "Spiral"],
  ["square", "Square"],
  ["drawn", "By hand"],
] as const;

/** Which points there are. */
export function PointsFields({ shape, drawn, seed, set, byHand = true }: PointsFieldsProps) {
  const own = " Draw your own into the picture with By hand.";
  return (
    <fieldset>
      <Choice
        label="Points"
        hint={`What is to be quantized: 2 numbers each, so that the plane shows all of it.${byHand ? own : ""}`}
        value={shape}
        choices={named.filter(([each]) => byHand || each !== "drawn")}
        onChange={(next) => set({ shape: next })}
      />
      <div class="try">
        {shape === "drawn" ? (
          <span class="note">Draw into the picture: point by point, or lines.</span>
        ) : (
          <button type="button" class="button small" onClick={() => set({ seed: seed + 1 })}>
            Other points
          </button>
        )}
        {shape === "drawn" && drawn !== "" && (
          <button type="button" class="button small" onClick={() => set({ drawn: "" })}>
            Erase
          </button>
        )}
      </div>
    </fieldset>
  );
}

/** More drawn ones make the link too long. */
const mostDrawn = 500;

/** A place in a picture of the plane (shares of its width and height), added to what was drawn. */
export function addDrawn(drawn: string, x: number, y: number): string {
  if (drawn.length >= 2 * mostDrawn) return drawn;
  return drawn + lettersOf((2 * x - 1) * reach, (1 - 2 * y) * reach);
}
