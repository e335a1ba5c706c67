import { random, tree } from "@jax-js/jax";
import { expect, it } from "vitest";
import { holdsContract } from "../../../../test/support/contract.ts";
import { fsq } from "./fsq.ts";
import { groupedQuantizer } from "./groupedQuantizer.ts";
import { lfq } from "./lfq.ts";
import { quantizerFromConfig } from "./registry.ts";
import { residualQuantizer } from "./residualQuantizer.ts";
import { simVQ } from "./simVQ.ts";
import { vectorQuantize } from "./vectorQuantize.ts";

const layers = () => [
  vectorQuantize({ dim: 3, codebookSize: 9, thresholdEmaDeadCode: 1 }) as never,
  simVQ({ dim: 3, codebookSize: 5 }) as never,
  fsq({ levels: [3, 3, 3] }) as never,
];

const moving = { moves: true, lossShape: [3], codesOf: "layers" as const };
holdsContract([
  {
    name: "layers of three kinds",
    make: () => residualQuantizer({ layers: layers() }),
    shape: [3, 5, 3],
    ...moving,
  },
  {
    name: "of images",
    make: () => residualQuantizer({ layers: layers(), layout: "image" }),
    shape: [2, 3, 4, 5],
    ...moving,
  },
  {
    name: "with dropout",
    make: () => residualQuantizer({ layers: layers(), quantizeDropout: true }),
    shape: [3, 5, 3],
    ...moving,
    samples: true,
  },
  {
    name: "in groups",
    make: () => groupedQuantizer({ quantizer: residualQuantizer({ layers: layers() }), groups: 2 }),
    shape: [3, 5, 6],
    ...moving,
    lossShape: [2, 3],
    codesOf: "groups and layers",
  },
] as never);

it("adds up what its layers put out, each on what the ones before left", async () => {
  const [first, second] = layers() as unknown as ReturnType<typeof vectorQuantize>[];
  const quantizer = residualQuantizer({ layers: [first as never, second as never] });
  const variables = quantizer.init(random.key(0));
  const x = random.normal(random.key(1), [20, 3]);
  const layer = (at: number) =>
    tree.ref({ params: variables.params.layers[at], state: variables.state.layers[at] }) as never;
  const one = first?.apply(layer(0), x.ref);
  const two = second?.apply(layer(1), x.ref.sub(one?.quantized.ref as never));
  const sum = one?.quantized.add(two?.quantized as never);
  const whole = quantizer.apply(variables, x);
  expect(await whole.quantized.data()).toEqual(await sum?.data());
  const columns = [await one?.indices.data(), await two?.indices.data()];
  const rows = await whole.indices.data();
  expect([...rows]).toEqual([...rows].map((_, i) => columns[i % 2]?.[i >> 1]));
});

it("is rebuilt from its configuration", () => {
  const made = groupedQuantizer({ quantizer: residualQuantizer({ layers: layers() }), groups: 2 });
  const saved = JSON.parse(JSON.stringify(made.config));
  const again = quantizerFromConfig(saved);
  expect(again.config).toEqual(made.config);
  expect(again.codebookSizes).toEqual([9, 5, 27, 9, 5, 27]);
});

it("says which layer does not fit", () => {
  const layer = vectorQuantize({ dim: 3, codebookSize: 9 }) as never;
  expect(() => residualQuantizer({ layers: [] })).toThrow(
    "residualQuantizer: layers: expected at least one, got 0",
  );
  expect(() => residualQuantizer({ layers: [layer, fsq({ levels: [3, 3] }) as never] })).toThrow(
    "residualQuantizer: layers[1]: dim: expected 3, as the first, got 2",
  );
  const two = lfq({ dim: 3, codebookSize: 8, numCodebooks: 2 }) as never;
  expect(() => residualQuantizer({ layers: [layer, two] })).toThrow(
    "residualQuantizer: layers[1]: indices per vector: expected 1, got 2",
  );
  const image = vectorQuantize({ dim: 3, codebookSize: 9, layout: "image" }) as never;
  expect(() => residualQuantizer({ layers: [image] })).toThrow(
    'residualQuantizer: layers[0]: layout: expected channelLast, got "image"',
  );
});
