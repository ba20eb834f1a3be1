// What `npm run lint` checks: the recommended rules, and that no name hides one of the browser's or of JavaScript.
import js from "@eslint/js";
import svelte from "eslint-plugin-svelte";
import globals from "globals";
import ts from "typescript-eslint";

import svelteConfig from "./svelte.config.js";

export default ts.config(
  // The types are written by the tests of crates/app.
  { ignores: ["dist/", "src/backend/types.ts"] },
  js.configs.recommended,
  ts.configs.recommended,
  svelte.configs.recommended,
  // What prettier decides.
  svelte.configs.prettier,
  {
    languageOptions: { globals: globals.browser },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      // TypeScript reports undefined names itself, and knows the types of the DOM.
      "no-undef": "off",
      // A name that was forgotten must not silently mean the window's.
      "no-restricted-globals": [
        "error",
        "close",
        "event",
        "find",
        "length",
        "name",
        "open",
        "origin",
        "parent",
        "screen",
        "status",
        "stop",
        "top",
      ],
      // `event` is the customary parameter of a handler; the global of that name is obsolete.
      "@typescript-eslint/no-shadow": [
        "error",
        { builtinGlobals: true, hoist: "all", ignoreTypeValueShadow: false, allow: ["event"] },
      ],
    },
  },
  { files: ["*.js", "*.ts"], languageOptions: { globals: globals.node } },
  {
    files: ["**/*.svelte", "**/*.svelte.ts"],
    languageOptions: { parserOptions: { parser: ts.parser, extraFileExtensions: [".svelte"], svelteConfig } },
  },
);
