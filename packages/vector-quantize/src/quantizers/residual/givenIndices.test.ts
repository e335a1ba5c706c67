/** Indices given to a residual quantizer, beside a mask: who counts in which layer. */
import { numpy as np, tree } from "@jax-js/jax";
import { expect, it } from "vitest";
import { integers, leaves } from "../../../../../test/support/arrays.ts";
import { cloud, fitted, run } from "../../../../../test/support/residualVQ.ts";

const [B, N, D] = [2, 5, 4];
const padded = [3, 4, 9]; // positions, of 0 to 9
const rests = [
  [0, 2],
  [1, 1],
  [6, 3],
] as const; // position, layer
const x = () => cloud(3, [B, N, D]);
const mask = () =>
  np
    .array(Array.from({ length: B * N }, (_, at) => (padded.includes(at) ? 0 : 1)))
    .reshape([B, N])
    .greater(0);

it("padding counts in no layer, whatever its index, and -1 in none for its own layer", async () => {
  const { quantizer, variables } = await fitted();
  const found = await quantizer.encode(tree.ref(variables), x());
  const codes = [...((await found.data()) as Int32Array)]; // [B N, 4]
  for (const [position, layer] of rests) codes[position * 4 + layer] = -1;
  const withPadding = (index: (code: number) => number) =>
    integers(
      codes.map((code, at) => (padded.includes(Math.floor(at / 4)) ? index(code) : code)),
      [B, N, 4],
    );
  const call = (indices: np.Array, masked = true) =>
    run(quantizer, variables, x(), {
      training: true,
      moveState: true,
      indices,
      ...(masked && { mask: mask() }),
    });

  const real = await call(withPadding((code) => code)); // codes as good as any
  const none = await call(withPadding(() => -1));
  expect(real.loss).toEqual(none.loss);
  expect(real.losses).toEqual(none.losses);
  expect(await leaves(real.state)).toEqual(await leaves(tree.ref(none.state)));
  expect(real.quantized).toEqual(none.quantized);
  for (const position of padded) expect(real.rows[position]).toEqual([-1, -1, -1, -1]);
  for (const [position, layer] of rests) expect(real.rows[position]?.[layer]).toBe(-1);

  // Without the mask, -1 in all layers says the same of the codebooks and the losses.
  const unmasked = await call(
    withPadding(() => -1),
    false,
  );
  expect(unmasked.loss).toEqual(none.loss);
  expect(await leaves(unmasked.state)).toEqual(await leaves(none.state));
  // And the codes of padding would count, if they were not hidden.
  const counted = await call(
    withPadding((code) => code),
    false,
  );
  expect(counted.loss).not.toEqual(none.loss);
  tree.dispose([counted.state, variables] as never);
});
