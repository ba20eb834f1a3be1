import { svelte } from "@sveltejs/vite-plugin-svelte";
import { svelteTesting } from "@testing-library/svelte/vite";
import { defineConfig } from "vitest/config";

export default defineConfig({
  // In tests: components are mounted as in a browser, and removed after each test.
  plugins: [svelte(), svelteTesting()],
  // A bare system may not resolve localhost.
  server: { host: "127.0.0.1" },
  build: { target: "safari15", modulePreload: { polyfill: false }, assetsInlineLimit: 0 },
  test: {
    environment: "jsdom",
    include: ["src/**/*.test.ts"],
    restoreMocks: true,
    // A context of its own for each file, in threads that load jsdom once: half the time of a process for each.
    pool: "vmThreads",
  },
});
