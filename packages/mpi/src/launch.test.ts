import { describe, expect, it } from "vitest";
import { launched } from "./launch.ts";

describe("how a launcher started this process", () => {
  it.each([
    [{}, undefined],
    [{ SLURM_NTASKS: "8" }, undefined], // a shell in a job is not a process of MPI
    [
      { OMPI_COMM_WORLD_SIZE: "4", OMPI_COMM_WORLD_LOCAL_SIZE: "2", PMIX_RANK: "1" },
      { size: 4, local: 2, family: "Open MPI" },
    ],
    [
      { PMI_SIZE: "6", MPI_LOCALNRANKS: "3" },
      { size: 6, local: 3, family: "MPICH" },
    ],
    [{ PMI_SIZE: "2" }, { size: 2, local: 2, family: "MPICH" }],
    [
      { PMIX_RANK: "0", SLURM_NTASKS: "8", SLURM_NTASKS_PER_NODE: "4" },
      { size: 8, local: 4, family: "Open MPI" },
    ],
  ] as const)("%j", (environment, wanted) => {
    expect(launched(environment)).toEqual(wanted);
  });
});
