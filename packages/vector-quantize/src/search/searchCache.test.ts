import { afterAll, expect, it } from "vitest";
import { createPool, defaultPool } from "../kernels/engine/createPool.ts";
import { type SearchRecipe, withCachedSearch } from "./searchCache.ts";

afterAll(() => defaultPool().dispose());

/** A search that notes what happens to it. */
class Noted {
  static made = 0;
  readonly id = ++Noted.made;
  codes: string;
  disposed = false;
  constructor(codes: string) {
    this.codes = codes;
  }
  dispose() {
    this.disposed = true;
  }
}

function recipe(shape: string, codes: string, numbers = 1): SearchRecipe<Noted> {
  return {
    shape,
    numbers,
    make: async () => new Noted(codes),
    exchange: async (search) => {
      if (codes === "bad") throw new Error("bad codes");
      search.codes = codes;
    },
  };
}

const use = async (search: Noted) => search;

it("gives the next call of a shape the same search with its own codes", async () => {
  const first = await withCachedSearch(recipe("a", "one"), use);
  const second = await withCachedSearch(recipe("a", "two"), use);
  expect(second).toBe(first);
  expect(second.codes).toBe("two");
  expect(await withCachedSearch(recipe("b", "one"), use)).not.toBe(first);
});

it("never gives one search to two calls at a time", async () => {
  let go = () => {};
  const gate = new Promise<void>((resolve) => {
    go = resolve;
  });
  const slow = withCachedSearch(recipe("c", "one"), async (search) => {
    await gate;
    return search;
  });
  const fast = await withCachedSearch(recipe("c", "two"), use);
  go();
  const found = await slow;
  expect(found).not.toBe(fast);
  expect([found.codes, fast.codes]).toEqual(["one", "two"]);
  expect([found.disposed, fast.disposed]).toEqual([false, true]); // one waits for the next call
});

it("lets a search go whose call failed", async () => {
  const first = await withCachedSearch(recipe("d", "one"), use);
  await expect(withCachedSearch(recipe("d", "bad"), use)).rejects.toThrow("bad codes");
  expect(first.disposed).toBe(true);
  const fail = () => Promise.reject(new Error("no"));
  await expect(withCachedSearch(recipe("d", "one"), fail)).rejects.toThrow("no");
  expect(await withCachedSearch(recipe("d", "one"), use)).not.toBe(first);
});

it("keeps the latest four, and none that are too large", async () => {
  const searches: Noted[] = [];
  for (const shape of ["e", "f", "g", "h", "i"]) {
    searches.push(await withCachedSearch(recipe(shape, "one"), use));
  }
  expect(searches.map(({ disposed }) => disposed)).toEqual([true, false, false, false, false]);
  const large = await withCachedSearch(recipe("j", "one", 2 ** 25), use);
  expect(large.disposed).toBe(true);
});

it("makes new ones when the shared pool has been disposed of", async () => {
  const first = await withCachedSearch(recipe("k", "one"), use);
  defaultPool().dispose();
  const pool = createPool({ threads: 1 }); // any other pool has nothing to do with it
  expect(await withCachedSearch(recipe("k", "one"), use)).not.toBe(first);
  pool.dispose();
});
