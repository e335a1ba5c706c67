import { numpy as np, random, tree } from "@jax-js/jax";
import { it } from "vitest";
import { fsq } from "./fsq.ts";

it("smoke", async () => {
  const q = fsq({ levels: [8, 5, 5], numCodebooks: 2, dim: 4, orthogonalRotation: true });
  const v = q.init(random.key(0));
  const x = random.normal(random.key(1), [2, 3, 4]);
  const out = q.apply(tree.ref(v), x.ref);
  console.log(out.quantized.shape, out.indices.shape, await out.indices.ref.data());
  const dec = q.decode(tree.ref(v), out.indices.ref);
  console.log(await dec.data(), await out.quantized.data());
  console.log(await q.levelIndices(out.indices.ref).data());
  const codes = q.codes(tree.ref(v), out.indices.ref);
  console.log(await q.codesToIndices(tree.ref(v), codes).data());
  const t = q.apply(v, x, { training: true });
  console.log(await t.quantized.data(), await t.indices.data());
});
