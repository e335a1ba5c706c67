/**
 * Jobs handed out to more threads than there are cores, every answer compared.
 *
 * Short by default; `POOL_STRESS=long npx vitest run test/poolStress.test.ts` takes minutes to hours.
 */
import { expect, test } from "vitest";
import { stressPool, stressSearch } from "./support/poolStress.ts";

const long = process.env.POOL_STRESS === "long";
const timeout = long ? 2 ** 31 - 1 : 60_000;
const [jobs, calls] = long ? [500_000, 50_000] : [3000, 100];

test.each([2, 4, 16])(
  "no job on the bare pool is answered wrongly, %d threads",
  {
    timeout,
  },
  async (threads) => {
    expect(await stressPool(threads, jobs)).toEqual({ compared: jobs, wrong: 0 });
  },
);

test("no search is answered wrongly, 16 threads", { timeout }, async () => {
  expect(await stressSearch(16, calls)).toEqual({ compared: calls, wrong: 0 });
});
