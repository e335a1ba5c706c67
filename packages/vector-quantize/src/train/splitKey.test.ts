import { random, tree } from "@jax-js/jax";
import { expect, test } from "vitest";
import { splitKey } from "./splitKey.ts";

test.each([0, 1, 7, 2 ** 31, 2 ** 32 - 1])("splits the key of %d as jax-js does", async (seed) => {
  let key = random.key(seed);
  for (let i = 0; i < 3; i++) {
    const split = random.split(key.ref, 3);
    const found = await splitKey(key);
    const three = await splitKey(key, 3);
    const numbers = await Promise.all(three.map((each) => each.data()));
    const wanted = [...(await split.data())];
    expect(numbers.flatMap((each: Uint32Array) => [...each])).toEqual(wanted);
    const [next, other] = found;
    expect([...(await other!.data())]).toEqual(wanted.slice(2, 4));
    tree.dispose(key);
    key = next!;
  }
});
