import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

export default defineConfig(({ mode }) => ({
  plugins: [svelte()],
  // The page of the fake device is for looking at screens; it is never part of what is built.
  root: mode === "fake" ? "fake" : ".",
  // Tests mount components as a browser does.
  ...(mode === "test" ? { resolve: { conditions: ["browser"] } } : {}),
  // A bare system may not know what localhost is.
  server: { host: "127.0.0.1" },
  build: { target: "safari15", modulePreload: { polyfill: false }, assetsInlineLimit: 0 },
  test: { environment: "jsdom", include: ["src/**/*.test.ts"], restoreMocks: true },
}));
