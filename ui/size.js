// Says how large the page's JavaScript is, compressed, and fails above its budget.
import { readdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const BUDGET_KIB = 60;
const folder = new URL("dist/assets/", import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith(".js"));
if (files.length === 0) throw new Error("there is nothing in dist: run npm run build");
const bytes = files.reduce((sum, name) => sum + gzipSync(readFileSync(new URL(name, folder))).length, 0);
console.log(`The page's JavaScript: ${(bytes / 1024).toFixed(1)} KiB compressed, of ${BUDGET_KIB} KiB`);
if (bytes > BUDGET_KIB * 1024) process.exit(1);
