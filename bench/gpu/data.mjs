/** The data of `run.sh`, for all sides. */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { clustering, convolutions, gaussian, nameOf, shapes } from "./cases.mjs";

const { values } = parseArgs({
  options: { data: { type: "string" }, quick: { type: "boolean", default: false } },
});
const { data, quick } = values;
for (const shape of shapes(quick)) {
  const [n, dim, codes] = shape;
  writeFileSync(`${data}/${nameOf(shape)}.vectors`, gaussian(n * dim, 1));
  writeFileSync(`${data}/${nameOf(shape)}.codes`, gaussian(codes * dim, 2));
}
const [n, dim] = clustering(quick);
writeFileSync(`${data}/kmeans.vectors`, gaussian(n * dim, 3));
writeFileSync(`${data}/convolutions.json`, JSON.stringify(convolutions(quick)));
