import { random, tree } from "@jax-js/jax";
import { expect, test } from "vitest";
import { splitKeyAt } from "./threefry.ts";

test.each([0, 1, 7, 2 ** 31, 2 ** 32 - 1])("splits the key of %d as jax-js does", async (seed) => {
  let key = random.key(seed);
  for (let i = 0; i < 3; i++) {
    const words = Uint32Array.from(await key.ref.data());
    const wanted = [...(await random.split(key.ref, 3).data())];
    expect([0, 1, 2].flatMap((at) => [...splitKeyAt(words, at)])).toEqual(wanted);
    const [next, other] = [...random.split(key)];
    tree.dispose(other!);
    key = next!;
  }
  tree.dispose(key);
});
