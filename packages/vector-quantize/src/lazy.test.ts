import { expect, test } from "vitest";
import { lazy } from "./lazy.ts";

test("a module is loaded once, and again after a failure", async () => {
  let calls = 0;
  const get = lazy(async () => {
    calls++;
    if (calls === 1) throw new Error("no network");
    return { calls };
  });
  await expect(get()).rejects.toThrow("no network");
  const [first, second] = await Promise.all([get(), get()]);
  expect(first).toBe(second);
  expect(await get()).toEqual({ calls: 2 });
});
