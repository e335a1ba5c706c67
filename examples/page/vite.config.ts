import { defineConfig } from "vite";

/** With these headers a page may have threads; without them all works on one. */
const headers = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

export default defineConfig({
  server: { headers },
  preview: { headers },
  worker: { format: "es" }, // the kernels are fetched when they are first called
});
