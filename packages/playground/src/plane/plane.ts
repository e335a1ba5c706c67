/** Sets of points in the plane, as most people know them. */
export const shapes = ["blobs", "rings", "moons", "spiral", "square", "drawn"] as const;
export type Shape = (typeof shapes)[number];

/** The plane goes from `-reach` to `reach` on both axes. */
export const reach = 1.5;

/** Places on an axis, each a letter. */
export const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const side = letters.length;

/** A point as two letters, each a place on an axis: so a drawing fits into a link. */
export function lettersOf(x: number, y: number): string {
  const letter = (value: number) => {
    const place = Math.floor(((value + reach) / (2 * reach)) * side);
    return letters[Math.min(side - 1, Math.max(0, place))] as string;
  };
  return letter(x) + letter(y);
}
