// Prints the gzip size of the page's JavaScript and fails above the budget.
import { readdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const BUDGET_KIB = 60;
const folder = new URL("dist/assets/", import.meta.url);
const files = readdirSync(folder).filter((file) => file.endsWith(".js"));
if (files.length === 0) throw new Error("there is nothing in dist: run npm run build");
const bytes = files.reduce((sum, file) => sum + gzipSync(readFileSync(new URL(file, folder))).length, 0);
console.log(`The page's JavaScript: ${(bytes / 1024).toFixed(1)} KiB compressed, of ${BUDGET_KIB} KiB`);
if (bytes > BUDGET_KIB * 1024) process.exit(1);
