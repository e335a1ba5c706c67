import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { defineConfig, type Plugin } from "vite";

/** With these headers a page may have threads. */
const headers = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

const name = "coi-serviceworker.js";

/** The service worker that stands in for the headers must be a file of its own beside the page. */
function serviceWorker(): Plugin {
  const source = () =>
    readFileSync(
      createRequire(import.meta.url).resolve("coi-serviceworker/coi-serviceworker.min.js"),
      "utf8",
    );
  return {
    name: "service-worker",
    configureServer({ middlewares }) {
      middlewares.use(`/${name}`, (_, response) => {
        response.setHeader("Content-Type", "text/javascript").end(source());
      });
    },
    generateBundle() {
      this.emitFile({ type: "asset", fileName: name, source: source() });
    },
  };
}

export default defineConfig({
  root: import.meta.dirname,
  base: "./", // the built site works in any folder
  plugins: [serviceWorker()],
  server: { headers },
  preview: { headers },
  // All at once: what is found later would load the page again, and the worker not at all.
  optimizeDeps: { include: ["@jax-js/jax", "@preact/signals", "preact/hooks", "uplot"] },
  build: { target: "es2022" },
  worker: { format: "es" }, // scenes and kernels are fetched when they are first used
});
