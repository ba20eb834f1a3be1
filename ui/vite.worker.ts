// Builds the service worker of the device in a browser beside its page: `sw.js`, one classic script that imports nothing, so that
// its Content-Security-Policy can name no source of scripts at all, and browsers without module workers run it.

import { build, type Plugin as VitePlugin } from "vite";

/** The module's own way to its WebAssembly. It can't be followed in a classic script, and would have it emitted twice. */
const OWN_WAY = /new URL\(["'][^"']+\.wasm["'], *import\.meta\.url\)/;

const withoutOwnWay: VitePlugin = {
  name: "without-own-way",
  enforce: "pre",
  transform: (code) => (OWN_WAY.test(code) ? { code: code.replace(OWN_WAY, "undefined"), map: null } : null),
};

/** Adds `sw.js` to the page; `built` is the script that wasm-bindgen made, `target` the oldest browser. */
export function serviceWorker(built: string, target: string): VitePlugin {
  return {
    name: "service-worker",
    enforce: "post",
    async generateBundle(_, bundle) {
      const wasm = Object.keys(bundle).filter((file) => file.endsWith(".wasm"));
      if (wasm.length !== 1) throw new Error(`the page has ${wasm.length} modules, not one`);
      const result = await build({
        configFile: false,
        logLevel: "warn",
        resolve: { alias: { "countersign-web": built } },
        define: { DEVICE_MODULE: JSON.stringify(wasm[0]) },
        plugins: [withoutOwnWay],
        build: {
          target,
          write: false,
          rollupOptions: {
            input: new URL("src/worker/worker.ts", import.meta.url).pathname,
            output: { format: "iife" },
          },
        },
      });
      const outputs = (Array.isArray(result) ? result : [result]).flatMap((made) =>
        "output" in made ? made.output : [],
      );
      const [script, ...more] = outputs;
      if (script?.type !== "chunk" || more.length) throw new Error("the worker is not one script");
      this.emitFile({ type: "asset", fileName: "sw.js", source: script.code });
    },
  };
}
