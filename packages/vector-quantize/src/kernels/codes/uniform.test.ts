import { random } from "@jax-js/jax";
import { afterAll, expect, it } from "vitest";
import { createPool } from "../engine/createPool.ts";
import { drawUniform } from "./uniform.ts";

const pool = createPool({ threads: 2 });
afterAll(() => pool.dispose());

it.each([1, 7, 4096, 40_001])("draws the %d numbers that jax-js draws", async (count) => {
  const key = random.key(count);
  const words = (await key.ref.data()) as Uint32Array;
  const drawn = await pool.exclusive(() => drawUniform(pool, words, count));
  expect(drawn).toEqual(await random.uniform(key, [count]).data());
});
