import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname } from "node:path";
import { packageRoot, root } from "../support/paths.ts";

/** Import specifiers of a page, as a bundler for browsers would resolve them. */
async function importMap(): Promise<string> {
  const manifest = JSON.parse(await readFile(`${packageRoot}/package.json`, "utf8"));
  const imports: Record<string, string> = {
    "@jax-js/jax": "/node_modules/@jax-js/jax/dist/index.js",
  };
  for (const [path, conditions] of Object.entries<Record<string, string>>(manifest.exports)) {
    const target = conditions.browser ?? conditions.default ?? "";
    imports[`vector-quantize${path.slice(1)}`] = `/packages/vector-quantize/${target.slice(2)}`;
  }
  return JSON.stringify({ imports });
}

const types: Record<string, string> = {
  ".css": "text/css",
  ".html": "text/html",
  ".js": "text/javascript",
  ".f32": "application/octet-stream",
  ".map": "application/json",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
  ".woff2": "font/woff2",
};

export interface PageServer {
  readonly url: string;
  /** Paths that have been asked for. */
  readonly requests: readonly string[];
  close(): void;
}

/** Files for a page, by the names that it imports them by. */
export interface PageFiles {
  /** Of which all is served. */
  readonly folder: string;
  readonly imports: Record<string, string>;
}

/** Serves an empty page, our built packages and jax-js or other `files`; nothing else. */
export async function servePage(
  isolated: boolean,
  contentSecurityPolicy?: string,
  files?: PageFiles,
): Promise<PageServer> {
  const imports = files ? JSON.stringify({ imports: files.imports }) : await importMap();
  const page = `<!doctype html><script type="importmap">${imports}</script>`;
  const requests: string[] = [];
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://127.0.0.1"); // without any ".."
    requests.push(pathname);
    if (isolated) {
      response.setHeader("Cross-Origin-Opener-Policy", "same-origin");
      response.setHeader("Cross-Origin-Embedder-Policy", "require-corp");
    }
    if (contentSecurityPolicy !== undefined) {
      response.setHeader("Content-Security-Policy", contentSecurityPolicy);
    }
    if (pathname === "/") {
      response.setHeader("Content-Type", "text/html").end(page);
      return;
    }
    const type = types[extname(pathname)];
    const allowed =
      files !== undefined ||
      /^\/(packages\/[^/]+|node_modules\/@jax-js\/jax)\/dist\//.test(pathname);
    try {
      if (!allowed || type === undefined) throw new Error("not served");
      const content = await readFile((files?.folder ?? root) + pathname);
      response.setHeader("Content-Type", type).end(content);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}/`,
    requests,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
