// What the page in a browser begins with, before its own script is there: the first words, and the WebAssembly under way.

import { type HtmlTagDescriptor, type Plugin as VitePlugin } from "vite";

const NAME = "first-words";
const SCRIPT = new URL("web/first-words.js", import.meta.url).pathname;

/** Adds the script of the first words, named by its content, and has the browser load the WebAssembly beside the scripts. */
export const firstWords: VitePlugin = {
  name: NAME,
  buildStart() {
    this.emitFile({ type: "chunk", id: SCRIPT, name: NAME });
  },
  transformIndexHtml: {
    order: "post",
    handler(_, { bundle }) {
      const files = Object.values(bundle ?? {});
      const script = files.find((file) => file.type === "chunk" && file.name === NAME);
      // It runs as a classic script, at once: it can't import.
      if (script?.type !== "chunk" || script.imports.length)
        throw new Error("the first words are no script of their own");
      const wasm = files.filter(({ fileName }) => fileName.endsWith(".wasm"));
      const preloaded = wasm.map(({ fileName }): HtmlTagDescriptor => {
        // As `fetch` asks for it, or it would be loaded twice.
        const attrs = {
          rel: "preload",
          as: "fetch",
          type: "application/wasm",
          href: `./${fileName}`,
          crossorigin: true,
        };
        return { tag: "link", attrs, injectTo: "head" };
      });
      return [...preloaded, { tag: "script", attrs: { src: `./${script.fileName}` }, injectTo: "body" }];
    },
  },
};
