import { readdirSync } from "node:fs";
import { launched } from "./launch.ts";
import { nativeLibrary } from "./native.ts";

/** Bytes of Linux's set of cores: 8,192 of them. */
const SET = 1024;

/**
 * Lets this process run on all cores of its machine where Open MPI, asked for nothing, has bound it to one or
 * a few: threads would share these. To be called before `vector-quantize` is imported, which counts cores then.
 * A binding that was asked for (`--bind-to socket`), or that another than `mpirun` made, stays.
 */
export function useAllCores(
  environment: Readonly<Record<string, string | undefined>> = process.env,
) {
  const asked = environment.OMPI_MCA_hwloc_base_binding_policy !== undefined;
  const bound = environment.OMPI_MCA_orte_bound_at_launch === "1";
  if (process.platform !== "linux" || launched(environment) === undefined || !bound || asked)
    return;
  const set = nativeLibrary(null)?.func("sched_setaffinity", "int", ["int", "size_t", "void *"]);
  const all = new Uint8Array(SET).fill(255); // the kernel takes those that there are
  for (const thread of readdirSync("/proc/self/task")) set?.(Number(thread), SET, all);
}
