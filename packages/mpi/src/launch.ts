/** How a launcher of MPI started this process. */
export interface Launch {
  /** How many processes there are. */
  readonly size: number;
  /** How many of them are on this machine. */
  readonly local: number;
  readonly family: "Open MPI" | "MPICH";
}

/**
 * What a launcher of MPI, such as `mpirun`, `mpiexec` or `srun`, told this process by its environment;
 * undefined for one that was started by itself.
 */
export function launched(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Launch | undefined {
  const number = (...names: string[]) => {
    const given = names.map((name) => environment[name]).find((value) => value !== undefined);
    const value = Number(given);
    return given !== undefined && Number.isInteger(value) && value > 0 ? value : undefined;
  };
  const open = number("OMPI_COMM_WORLD_SIZE");
  if (open !== undefined) {
    return { size: open, local: number("OMPI_COMM_WORLD_LOCAL_SIZE") ?? open, family: "Open MPI" };
  }
  const hydra = number("PMI_SIZE");
  if (hydra !== undefined) {
    const local = number("MPI_LOCALNRANKS", "SLURM_NTASKS_PER_NODE") ?? hydra;
    return { size: hydra, local, family: "MPICH" };
  }
  if (environment.PMIX_RANK === undefined) return undefined;
  const size = number("SLURM_NTASKS") ?? 1;
  return { size, local: number("SLURM_NTASKS_PER_NODE") ?? size, family: "Open MPI" };
}
