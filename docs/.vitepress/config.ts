import { readdirSync } from "node:fs";
import { join } from "node:path";
import { type DefaultTheme, defineConfig } from "vitepress";

const repository = "https://github.com/vector-quantize/vector-quantize";
const docs = join(import.meta.dirname, "..");

const api = join(docs, "api");

/** The entrances, which have a page each. */
function entrances(folder = ""): string[] {
  return readdirSync(join(api, folder), { withFileTypes: true }).flatMap((entry) => {
    if (entry.name === "index.md") return folder === "" ? [] : [folder];
    return entry.isDirectory() && !kinds.includes(entry.name)
      ? entrances(join(folder, entry.name))
      : [];
  });
}

/** All entrances, and behind the open one every name that it exports: not all names on every page. */
const apiSidebar = (open?: string): DefaultTheme.SidebarItem[] => [
  {
    text: "API",
    link: "/api/",
    items: entrances()
      .sort()
      .map((entrance) => ({
        text: entrance,
        link: `/api/${entrance}/`,
        ...(entrance === open && { items: namesOf(entrance) }),
      })),
  },
];

const namesOf = (entrance: string): DefaultTheme.SidebarItem[] =>
  kinds.flatMap((kind) =>
    pagesIn(join(api, entrance, kind)).map((name) => ({
      text: name,
      link: `/api/${entrance}/${kind}/${name}`,
    })),
  );

/** Folders of an entrance's names, what is called before what is named. */
const kinds = ["functions", "classes", "interfaces", "type-aliases", "variables"];

function pagesIn(folder: string): string[] {
  try {
    return readdirSync(folder).map((file) => file.replace(/\.md$/, ""));
  } catch {
    return []; // an entrance without names of that kind
  }
}

const guides: DefaultTheme.SidebarItem[] = [
  {
    text: "Start",
    items: [
      { text: "Install, first program", link: "/start" },
      { text: "Command line", link: "/cli" },
      { text: "Playground", link: "/playground" },
    ],
  },
  {
    text: "Guides",
    items: [
      { text: "Choose a quantizer", link: "/choose-a-quantizer" },
      { text: "A training loop of your own", link: "/own-loop" },
      { text: "Ownership of arrays", link: "/ownership" },
      { text: "Speech", link: "/speech" },
      { text: "Search embeddings", link: "/search-embeddings" },
      { text: "Layers", link: "/layers" },
      { text: "Palettes", link: "/palettes" },
      { text: "Data", link: "/data" },
      { text: "Saving and resuming", link: "/saving" },
      { text: "In the browser", link: "/browser" },
      { text: "Node, Deno, Bun", link: "/runtimes" },
      { text: "Many processes", link: "/many-processes" },
      { text: "The commitment loss", link: "/commitment-loss" },
      { text: "Bounds of residualFSQ", link: "/residual-fsq-bounds" },
    ],
  },
  {
    text: "PyTorch and ONNX",
    items: [
      { text: "From PyTorch", link: "/from-pytorch" },
      { text: "Whole networks", link: "/networks" },
      { text: "Known codecs", link: "/known-codecs" },
      { text: "ONNX", link: "/onnx" },
    ],
  },
  {
    text: "In depth",
    items: [
      { text: "Training: steps and speed", link: "/training" },
      { text: "Exact search", link: "/exact-search" },
      { text: "The .vq format", link: "/vq-format" },
      { text: "Promises", link: "/promises" },
      { text: "The same codes here?", link: "/same-codes" },
      { text: "Different by design", link: "/different-by-design" },
      { text: "Papers", link: "/papers" },
    ],
  },
];

/** `SITE=guides` leaves out all of the API but a page of it: half the time, for the tests of a change. */
const guidesAlone = process.env.SITE === "guides";

export default defineConfig({
  title: "vector-quantize",
  description: "Vector quantization for TypeScript, in Node and in the browser",
  lang: "en",
  cleanUrls: true,
  srcExclude: ["node_modules/**", ...(guidesAlone ? ["api/**/!(VectorQuantizeOptions).md"] : [])],
  ignoreDeadLinks: guidesAlone, // a test looks after them
  themeConfig: {
    nav: [
      { text: "Start", link: "/start" },
      { text: "Guides", link: "/own-loop" },
      { text: "Playground", link: "/playground" },
      { text: "API", link: "/api/" },
    ],
    sidebar: {
      ...Object.fromEntries(entrances().map((open) => [`/api/${open}/`, apiSidebar(open)])),
      "/api/": apiSidebar(),
      "/": guides,
    },
    outline: [2, 3],
    search: { provider: "local" },
    socialLinks: [{ icon: "github", link: repository }],
  },
  markdown: {
    theme: { light: "github-light-high-contrast", dark: "github-dark-high-contrast" },
    config(markdown) {
      const open = markdown.renderer.rules.link_open!;
      markdown.renderer.rules.link_open = (tokens, i, options, env, self) => {
        const link = tokens[i]!;
        const href = link.attrGet("href") ?? "";
        // A page of this folder that leads out of it leads to the repository.
        const leavesDocs = href.startsWith("../") && !env.relativePath.includes("/");
        if (leavesDocs) link.attrSet("href", `${repository}/blob/main/${href.slice(3)}`);
        return open(tokens, i, options, env, self);
      };
    },
  },
});
