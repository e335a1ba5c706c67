import { expected } from "../../errors.ts";
import { eachArray, isTraced } from "../../tree.ts";

/**
 * Throws unless all arrays are on one device: jax-js would refuse them in its own words, or move them
 * in silence, by a read that blocks.
 *
 * @param given the arguments by name; options are small, and move with the others
 */
export function checkDevices(
  where: string,
  { options: _, key: __, ...given }: Readonly<Record<string, unknown>>,
): void {
  let first: { device: string; place: string } | undefined;
  eachArray(given, (array, place) => {
    if (isTraced(array)) return;
    const { device } = array;
    first ??= { device, place };
    if (device === first.device) return;
    throw expected(
      `${where}: device of ${place}`,
      `${first.device}, that of ${first.place}`,
      device,
      `Move the one or the other by devicePut(array, ${JSON.stringify(first.device)})`,
    );
  });
}
