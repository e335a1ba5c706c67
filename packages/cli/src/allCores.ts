// A process that mpirun has bound to a core by itself gets the others back, before anybody counts them.
if (process.env.OMPI_MCA_orte_bound_at_launch !== undefined) {
  const mpi = await import("vector-quantize-mpi").catch(() => undefined); // its absence is told later
  mpi?.useAllCores();
}
