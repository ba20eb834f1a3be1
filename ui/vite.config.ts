import { svelte } from "@sveltejs/vite-plugin-svelte";
import { svelteTesting } from "@testing-library/svelte/vite";
import { loadEnv } from "vite";
import { defineConfig } from "vitest/config";

import { firstWords } from "./vite.first";
import { serviceWorker } from "./vite.worker";

/** The oldest browser that the page is built for. */
const TARGET = "safari15";

/**
 * The device in a browser is a page of its own: `vite build --mode web`, with the folder of the module that wasm-bindgen made in
 * COUNTERSIGN_WEB_MODULE and the folder to build into in COUNTERSIGN_WEB_PAGE, both absolute. Its files name each other relatively,
 * since an issuer may have a path.
 */
function devicePage() {
  const { COUNTERSIGN_WEB_MODULE: built, COUNTERSIGN_WEB_PAGE: outDir } = loadEnv("web", ".", "COUNTERSIGN_WEB_");
  if (!built || !outDir) throw new Error("COUNTERSIGN_WEB_MODULE and COUNTERSIGN_WEB_PAGE name no folders");
  const script = `${built}/countersign_web.js`;
  return {
    root: "web",
    base: "./",
    resolve: { alias: { "countersign-web": script } },
    plugins: [firstWords, serviceWorker(script, TARGET)],
    build: { outDir, emptyOutDir: true },
  };
}

export default defineConfig(({ mode }) => {
  const page = mode === "web" ? devicePage() : undefined;
  return {
    ...page,
    // In tests: components are mounted as in a browser, and removed after each test.
    plugins: [svelte(page ? { configFile: "../svelte.config.js" } : {}), svelteTesting(), ...(page?.plugins ?? [])],
    // A bare system may not resolve localhost. A test reads docs.
    server: { host: "127.0.0.1", fs: { allow: [".", "../docs"] } },
    build: { target: TARGET, modulePreload: { polyfill: false }, assetsInlineLimit: 0, ...page?.build },
    test: {
      environment: "jsdom",
      include: ["src/**/*.test.ts"],
      restoreMocks: true,
      // A context of its own for each file, in threads that load jsdom once: half the time of a process for each.
      pool: "vmThreads",
    },
  };
});
