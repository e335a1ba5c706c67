import type { OptionTable } from "../options/table.ts";
import { binaryMapperTable } from "../quantizers/binaryMapper.ts";
import { factorizedVQTable } from "../quantizers/factorizedVQ.ts";
import { fspTable } from "../quantizers/fsp.ts";
import { fsqTable } from "../quantizers/fsq/options.ts";
import { groupedQuantizerTable } from "../quantizers/groupedQuantizer.ts";
import { groupedResidualFSQTable } from "../quantizers/groupedResidualFSQ.ts";
import { groupedResidualLFQTable } from "../quantizers/groupedResidualLFQ.ts";
import { groupedResidualVQTable } from "../quantizers/groupedResidualVQ.ts";
import { hierarchicalVQTable } from "../quantizers/hierarchicalVQ/options.ts";
import { identityTable } from "../quantizers/identity.ts";
import { latentQuantizeTable } from "../quantizers/latentQuantize.ts";
import { lfqTable } from "../quantizers/lfq/options.ts";
import { productVQTable } from "../quantizers/productVQ.ts";
import { randomProjectionTable } from "../quantizers/randomProjectionQuantizer.ts";
import { residualFSQTable } from "../quantizers/residualFSQ/options.ts";
import { residualLFQTable } from "../quantizers/residualLFQ.ts";
import { residualQuantizerTable } from "../quantizers/residualQuantizer.ts";
import { residualSimVQTable } from "../quantizers/residualSimVQ.ts";
import { residualVQTable } from "../quantizers/residualVQ/options.ts";
import { simVQTable } from "../quantizers/simVQ/options.ts";
import { vectorQuantizeTable } from "../quantizers/vectorQuantize/options.ts";

type Table = Pick<OptionTable<never, unknown>, "name" | "declarations" | "classes">;

/** The options of every quantizer, by its type: codebooks first, then codes that are computed. */
export const quantizerTables: Readonly<Record<string, Table>> = Object.fromEntries(
  [
    vectorQuantizeTable,
    residualVQTable,
    groupedResidualVQTable,
    simVQTable,
    residualSimVQTable,
    factorizedVQTable,
    productVQTable,
    hierarchicalVQTable,
    randomProjectionTable,
    fsqTable,
    residualFSQTable,
    groupedResidualFSQTable,
    lfqTable,
    residualLFQTable,
    groupedResidualLFQTable,
    fspTable,
    latentQuantizeTable,
    binaryMapperTable,
    residualQuantizerTable,
    groupedQuantizerTable,
    identityTable,
  ].map((table: Table) => [table.name, table]),
);
