/**
 * A module that is fetched when it is first asked for: `const kernels = lazy(() => import("./a.ts"))`.
 *
 * An import costs some 50 microseconds even if the module is there, a promise at hand next to nothing.
 * One that failed, say for the network, is tried again.
 */
export function lazy<Module>(load: () => Promise<Module>): () => Promise<Module> {
  let loaded: Promise<Module> | undefined;
  return () => {
    loaded ??= load().catch((error: unknown) => {
      loaded = undefined;
      throw error;
    });
    return loaded;
  };
}
